-- upgrade_prereq_read_archive() and upgrade_prereq_archive_entries(): what is
-- read of archives that are made here, byte by byte.  Real ones, and files on
-- the server, are read in t/026_archive.pl.

CREATE SCHEMA archive;
SET search_path = archive, public;
\pset footer off

-- pg_dump's primitives: Int, Str and Off
CREATE FUNCTION little_endian(value bigint, size int) RETURNS bytea LANGUAGE sql AS $$
    SELECT string_agg(set_byte('\x00', 0, ((value >> 8 * i) & 255)::int), '' ORDER BY i)
    FROM generate_series(0, size - 1) AS i
$$;
CREATE FUNCTION num(value bigint, size int DEFAULT 4) RETURNS bytea LANGUAGE sql AS $$
    SELECT CASE WHEN value < 0 THEN '\x01'::bytea ELSE '\x00' END || little_endian(abs(value), size)
$$;
CREATE FUNCTION str(value text, size int DEFAULT 4) RETURNS bytea LANGUAGE sql AS $$
    SELECT CASE WHEN value IS NULL THEN num(-1, size)
                ELSE num(octet_length(value), size) || convert_to(value, 'UTF8') END
$$;
CREATE FUNCTION off(state int, value bigint, size int DEFAULT 8) RETURNS bytea LANGUAGE sql AS $$
    SELECT set_byte('\x00', 0, state) || little_endian(value, size)
$$;

-- an archive: minor version, format (1 custom, 3 others), entries
CREATE FUNCTION header(minor int, format int, entries int, size int DEFAULT 4) RETURNS bytea LANGUAGE sql AS $$
    SELECT 'PGDMP' || '\x01'::bytea || set_byte('\x00', 0, minor) || '\x00' || set_byte('\x00', 0, size) ||
           '\x08' || set_byte('\x00', 0, format) ||
           CASE WHEN minor >= 15 THEN '\x01'::bytea ELSE num(-1, size) END ||
           num(19, size) || num(1, size) || num(22, size) || num(28, size) || num(10, size) ||
           num(126, size) || num(0, size) ||
           str('openmetadata_db', size) || str('15.20', size) || str('15.20', size) || num(entries, size)
$$;
-- place is where the data are: an Off, or a file name
CREATE FUNCTION entry(minor int, dump_id int, type text, tag text, schema text, oid text, dumper int,
                      definition text, place bytea, size int DEFAULT 4) RETURNS bytea LANGUAGE sql AS $$
    SELECT num(dump_id, size) || num(dumper, size) ||
           str(CASE type WHEN 'TABLE' THEN '1259' WHEN 'DATABASE' THEN '1262' ELSE '0' END, size) ||
           str(oid, size) || str(tag, size) || str(type, size) || num(2, size) || str(definition, size) ||
           str('', size) || str(CASE WHEN dumper = 1 THEN 'COPY x FROM stdin;' END, size) ||
           str(schema, size) || str(NULL, size) ||
           CASE WHEN minor >= 14 THEN str('heap', size) ELSE '' END ||
           CASE WHEN minor >= 16 THEN num(CASE WHEN type = 'TABLE' THEN 114 ELSE 0 END, size) ELSE '' END ||
           str('openmetadata_user', size) || str('false', size) || str('1', size) || str('2', size) ||
           str(NULL, size) || place
$$;
CREATE FUNCTION block(dump_id int, size int DEFAULT 4) RETURNS bytea LANGUAGE sql AS $$
    SELECT '\x01'::bytea || num(dump_id, size) || num(5, size) || 'row 1' || num(5, size) || 'row 2' || num(0, size)
$$;
-- a custom archive with two tables, one of them without data; piped has no
-- positions
CREATE FUNCTION custom(minor int, piped boolean DEFAULT false, size int DEFAULT 4, shift int DEFAULT 0)
RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    contents bytea;
    at bigint := 0;
BEGIN
    FOR i IN 1 .. 2 LOOP
        contents := header(minor, 1, 7, size) ||
            entry(minor, 1, 'ENCODING', 'ENCODING', NULL, '0', 0, 'SET client_encoding = ''UTF8'';', off(3, 0), size) ||
            entry(minor, 2, 'DATABASE', 'openmetadata_db', NULL, '16384', 0, 'CREATE DATABASE x;', off(3, 0), size) ||
            entry(minor, 3, 'DATABASE PROPERTIES', 'openmetadata_db', NULL, '0', 0,
                  E'ALTER DATABASE x SET work_mem TO ''64MB'';\nALTER DATABASE x SET "a.b" TO '';\n'';\n', off(3, 0), size) ||
            entry(minor, 4, 'EXTENSION', 'pg_trgm', NULL, '16400', 0, 'CREATE EXTENSION pg_trgm;', off(3, 0), size) ||
            entry(minor, 5, 'TABLE', 'Tab le', 'public', '16500', 0, 'CREATE TABLE x ();', off(3, 0), size) ||
            entry(minor, 6, 'TABLE', 'excluded', 'public', '16501', 0, 'CREATE TABLE y ();', off(3, 0), size) ||
            entry(minor, 7, 'TABLE DATA', 'Tab le', 'public', '16500', 1, '',
                  CASE WHEN piped THEN off(1, 0) ELSE off(2, at + shift) END, size);
        at := length(contents);
    END LOOP;
    RETURN contents || block(7, size);
END
$$;
CREATE TYPE verdict AS (format text, state text, problem text, complete text, reason text, needs bigint, needs_tail bigint);
CREATE FUNCTION verdict(data bytea, tail bytea DEFAULT NULL, size_bytes bigint DEFAULT NULL) RETURNS verdict LANGUAGE sql AS $$
    SELECT r.format, r.state, r.problem, r.complete, r.complete_reason, r.needs_bytes, r.needs_tail_bytes
    FROM upgrade_prereq_read_archive(data => data, tail => tail, size_bytes => size_bytes) AS r
$$;

--
-- Custom
--
\x
SELECT * FROM upgrade_prereq_read_archive(custom(16));
\x
SELECT * FROM upgrade_prereq_archive_entries(custom(16));
-- every version says the same, however its numbers are written
SELECT minor, size, piped, r.archive_version, r.state, r.complete, r.compression, r.table_count, r.table_data_count,
       r.tables_without_data,
       (SELECT md5(string_agg(e::text, E'\n' ORDER BY e.number)) =
               (SELECT md5(string_agg(o::text, E'\n' ORDER BY o.number))
                FROM (SELECT number, dump_id, type, schema_name, name, owner, catalog_oid, object_oid, has_data, definition
                      FROM upgrade_prereq_archive_entries(custom(16))) AS o)
        FROM (SELECT number, dump_id, type, schema_name, name, owner, catalog_oid, object_oid, has_data, definition
              FROM upgrade_prereq_archive_entries(custom(minor, piped, size))) AS e) AS same_entries
FROM generate_series(12, 16) AS minor, (VALUES (4, false), (4, true), (8, false), (2, true)) AS v (size, piped),
     upgrade_prereq_read_archive(custom(minor, piped, size)) AS r
ORDER BY 1, 2, 3;

-- versions that are not known
SELECT v.version, r.archive_version, r.state, r.problem, r.complete, r.database_name, r.entry_count
FROM (VALUES ('\x01110004080101'::bytea), ('\x020000'), ('\x010b00'), ('\x000000'), ('\xffff00')) AS v (version),
     upgrade_prereq_read_archive('PGDMP' || v.version || '\x00000000') AS r;

-- the beginning is enough for the contents
SELECT (v).* FROM (SELECT verdict(substr(custom(14), 1, 20)) AS v) AS s;
SELECT (v).* FROM (SELECT verdict(substr(custom(14), 1, 20), NULL, 2000) AS v) AS s;
SELECT custom(14) AS custom, custom(14, true) AS piped, block(7) AS block, length(custom(14)) - length(block(7)) AS contents \gset
SELECT count(*) AS cuts, count(*) FILTER (WHERE (v).needs > 0) AS say_what_they_need,
       bool_and(n + (v).needs <= :contents) AS never_too_much,
       count(*) FILTER (WHERE (v).complete <> 'not proven') AS wrong
FROM (SELECT n, verdict(substr(:'custom'::bytea, 1, n)) AS v FROM generate_series(1, :contents - 1) AS n) AS s;
-- asking again and again comes to an end, at the end of the contents
WITH RECURSIVE ask (given, needs, calls) AS (
    SELECT 100, (verdict(substr(:'custom'::bytea, 1, 100))).needs, 1
    UNION ALL
    SELECT given + needs::int, (verdict(substr(:'custom'::bytea, 1, given + needs::int))).needs, calls + 1
    FROM ask WHERE needs > 0)
SELECT max(given) = :contents AS is_the_contents FROM ask;

-- whole or not
SELECT name, (v).state, (v).problem, (v).complete, (v).reason, (v).needs, (v).needs_tail
FROM (VALUES
    ('whole, size known', verdict(:'custom'::bytea, NULL, length(:'custom'::bytea))),
    ('contents, size known', verdict(substr(:'custom'::bytea, 1, :contents), NULL, length(:'custom'::bytea))),
    ('contents and last block', verdict(substr(:'custom'::bytea, 1, :contents), :'block'::bytea, length(:'custom'::bytea))),
    ('contents and too little', verdict(substr(:'custom'::bytea, 1, :contents), '\x0000000000', length(:'custom'::bytea))),
    ('piped, contents and last block', verdict(substr(:'piped'::bytea, 1, :contents), :'block'::bytea, length(:'custom'::bytea))),
    ('piped, contents', verdict(substr(:'piped'::bytea, 1, :contents), NULL, length(:'custom'::bytea))),
    ('a byte is missing', verdict(substr(:'custom'::bytea, 1, length(:'custom'::bytea) - 1), NULL, length(:'custom'::bytea) - 1)),
    ('piped, a byte is missing', verdict(substr(:'piped'::bytea, 1, length(:'custom'::bytea) - 1), NULL, length(:'custom'::bytea) - 1)),
    ('a byte too many', verdict(:'custom'::bytea || '\x00'::bytea)),
    ('piped, a byte too many', verdict(:'piped'::bytea || '\x00'::bytea)),
    ('a wrong position', verdict(custom(14, false, 4, 1))),
    ('a position in the contents', verdict(custom(14, false, 4, -1))),
    ('a position beyond the end', verdict(custom(14, false, 4, 1000), NULL, length(:'custom'::bytea))),
    ('piped, a block of another', verdict(substr(:'piped'::bytea, 1, :contents) || block(6))),
    ('piped, no block', verdict(substr(:'piped'::bytea, 1, :contents), NULL, :contents)),
    ('piped, not a block', verdict(substr(:'piped'::bytea, 1, :contents) || '\x0200070000000000000000')),
    ('piped, a chunk below zero', verdict(substr(:'piped'::bytea, 1, :contents) || '\x0100070000000101000000')),
    ('no data', verdict(header(14, 1, 1) || entry(14, 1, 'TABLE', 't', 's', '1', 0, '', off(3, 0)))),
    ('large objects', verdict(header(14, 1, 1) || entry(14, 1, 'BLOBS', 'BLOBS', NULL, '0', 1, '', off(1, 0)) ||
                              '\x03' || num(1) || num(16400) || num(2) || 'lo' || num(0) || num(16401) || num(0) || num(0))),
    ('large objects without end', verdict(header(14, 1, 1) || entry(14, 1, 'BLOBS', 'BLOBS', NULL, '0', 1, '', off(1, 0)) ||
                              '\x03' || num(1) || num(16400) || num(2) || 'lo' || num(0)))
) AS cases (name, v);

-- what pg_dump would not write
SELECT name, (v).state, (v).problem, (v).complete
FROM (VALUES
    ('no integers', verdict('PGDMP' || '\x010e00000801'::bytea || '\x00')),
    ('large integers', verdict('PGDMP' || '\x010e00090801'::bytea || '\x00')),
    ('large offsets', verdict('PGDMP' || '\x010e00040901'::bytea || '\x00')),
    ('another format', verdict('PGDMP' || '\x010e00040802'::bytea || '\x00')),
    ('a sign', verdict('PGDMP' || '\x010e00040801'::bytea || '\x0200000000')),
    ('a large number', verdict('PGDMP' || '\x010e00040801'::bytea || '\x00ffffffff')),
    ('a large number of 8 bytes', verdict('PGDMP' || '\x010e00080801'::bytea || '\x00ffffffffffffffff')),
    ('a compression method', verdict('PGDMP' || '\x010f00040801'::bytea || '\x04')),
    ('entries below zero', verdict(header(14, 1, -1))),
    ('entries without end', verdict(header(14, 1, 2147483647))),
    ('no entry', verdict(header(14, 1, 1) || repeat('x', 500)::bytea)),
    ('entry 0', verdict(header(14, 1, 1) || entry(14, 0, 'TABLE', 't', 's', '1', 0, '', off(3, 0)))),
    ('no name', verdict(header(14, 1, 1) || entry(14, 1, 'TABLE', NULL, 's', '1', 0, '', off(3, 0)))),
    ('no type', verdict(header(14, 1, 1) || entry(14, 1, NULL, 't', 's', '1', 0, '', off(3, 0)))),
    ('a zero byte', verdict(header(14, 1, 1) || decode(replace(encode(entry(14, 1, 'TABLE', 'abc', 's', '1', 0, '', off(3, 0)), 'hex'), '616263', '610063'), 'hex'))),
    ('a state', verdict(header(14, 1, 1) || entry(14, 1, 'TABLE', 't', 's', '1', 0, '', off(4, 0)))),
    ('a string of -2 bytes', verdict(header(14, 1, 1) || num(1) || num(0) || num(-2))),
    ('a string of 2 GB', verdict(header(14, 1, 1) || num(1) || num(0) || num(2147483647))),
    ('a string of 2 GB, size known', verdict(header(14, 1, 1) || num(1) || num(0) || num(2147483647), NULL, 1000))
) AS cases (name, v);
-- OIDs and times that are none
SELECT e.object_oid FROM (VALUES ('4294967295'), ('4294967296'), ('-1'), (''), (NULL), ('0x1')) AS v (oid),
    upgrade_prereq_archive_entries(header(14, 1, 1) || entry(14, 1, 'TABLE', 't', 's', v.oid, 0, '', off(3, 0))) AS e;
SELECT v.year, v.month, v.day, v.hour, r.created, r.created_zone
FROM (VALUES (100, 1, 29, 0), (101, 1, 29, 0), (126, 12, 1, 0), (126, -1, 1, 0), (126, 0, 0, 0), (126, 0, 1, 24),
             (-1, 0, 1, 0), (8100, 0, 1, 0), (2147483647, 0, 1, 0), (8099, 11, 31, 23)) AS v (year, month, day, hour),
     upgrade_prereq_read_archive('PGDMP' || '\x010e00040801'::bytea || num(0) || num(0) || num(0) || num(v.hour) ||
                                 num(v.day) || num(v.month) || num(v.year) || num(0)) AS r;

-- names in any encoding become valid text
SELECT e.name, length(e.name)
FROM (VALUES ('UTF8', 'c3a4f0'::text), ('UTF8', '5c1b0a'), ('LATIN1', '61e4'), ('LATIN1', 'c3a4'), ('nonsense', 'c3a4')) AS v (encoding, hex),
     upgrade_prereq_archive_entries(
        header(14, 1, 2) ||
        entry(14, 1, 'ENCODING', 'ENCODING', NULL, '0', 0, 'SET client_encoding = ''' || v.encoding || ''';', off(3, 0)) ||
        decode(replace(encode(entry(14, 2, 'TABLE', repeat('#', length(v.hex) / 2), 's', '1', 0, '', off(3, 0)), 'hex'),
                       repeat('23', length(v.hex) / 2), v.hex), 'hex')) AS e
WHERE e.number = 2;

--
-- Directory: toc.dat alone
--
CREATE FUNCTION toc(minor int) RETURNS bytea LANGUAGE sql AS $$
    SELECT header(minor, 3, 2) || entry(minor, 1, 'TABLE', 't', 's', '1', 0, '', str('')) ||
           entry(minor, 2, 'TABLE DATA', 't', 's', '1', 1, '', str('2.dat'))
$$;
SELECT minor, (v).* FROM (SELECT minor, verdict(toc(minor)) AS v FROM generate_series(12, 16) AS minor) AS s;
SELECT type, name, has_data, file_name FROM upgrade_prereq_archive_entries(toc(16));

--
-- Tar
--
CREATE FUNCTION octal(value bigint, digits int) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(((value >> (3 * (digits - i))) & 7)::text, '' ORDER BY i) FROM generate_series(1, digits) AS i
$$;
-- as tar writes a size of 8 GB and more
CREATE FUNCTION binary_size(value bigint, bytes int DEFAULT 12) RETURNS bytea LANGUAGE sql AS $$
    SELECT CASE WHEN bytes = 12 THEN '\x80000000'::bytea ELSE '' END || int8send(value)
$$;
CREATE FUNCTION member(name text, data bytea, size bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    block bytea := decode(repeat('00', 512), 'hex');
    sum int := 8 * 32;
BEGIN
    block := overlay(block PLACING name::bytea FROM 1);
    block := overlay(block PLACING size FROM 125);
    block := overlay(block PLACING 'ustar00'::bytea FROM 258);
    FOR i IN 0 .. 511 LOOP
        IF i NOT BETWEEN 148 AND 155 THEN
            sum := sum + get_byte(block, i);
        END IF;
    END LOOP;
    RETURN overlay(block PLACING octal(sum, 6)::bytea FROM 149) || data || decode(repeat('00', (512 - length(data) % 512) % 512), 'hex');
END
$$;
CREATE FUNCTION member(name text, data bytea, size text DEFAULT NULL) RETURNS bytea LANGUAGE sql AS $$
    SELECT member(name, data, COALESCE(size, octal(length(data), 11))::bytea)
$$;
CREATE FUNCTION tar_end() RETURNS bytea LANGUAGE sql AS $$SELECT decode(repeat('00', 1024), 'hex')$$;
CREATE FUNCTION tar() RETURNS bytea LANGUAGE sql AS $$
    SELECT member('toc.dat', toc(14)) || member('2.dat', E'1\n\\\\.\n') || member('restore.sql', '--') || tar_end()
$$;
SELECT name, (v).*
FROM (VALUES
    ('whole', verdict(tar())),
    ('whole, size known', verdict(tar(), NULL, length(tar()))),
    ('beginning', verdict(substr(tar(), 1, 1024), NULL, length(tar()))),
    ('part of the contents', verdict(substr(tar(), 1, 600), NULL, length(tar()))),
    ('beginning and end', verdict(substr(tar(), 1, 1024), substr(tar(), length(tar()) - 2999), length(tar()))),
    ('no end', verdict(substr(tar(), 1, length(tar()) - 1), NULL, length(tar()) - 1)),
    ('no restore.sql', verdict(substr(tar(), 1, length(tar()) - 2048), NULL, length(tar()) - 2048)),
    ('cut in a member', verdict(substr(tar(), 1, length(tar()) - 1100), NULL, length(tar()) - 1100)),
    ('a member is missing', verdict(member('toc.dat', toc(14)) || member('restore.sql', '--') || tar_end())),
    ('members behind the end', verdict(tar() || tar())),
    ('another tar file', verdict(member('base/1', '') || tar_end())),
    ('other contents', verdict(member('toc.dat', repeat('x', 500)::bytea))),
    ('a size behind blanks', verdict(member('toc.dat', toc(14), '   ' || octal(length(toc(14)), 8)) || member('restore.sql', '--') || tar_end())),
    ('a binary size', verdict(member('toc.dat', toc(14), binary_size(length(toc(14)))) || member('2.dat', 'x') || member('restore.sql', '--') || tar_end())),
    ('a large binary size', verdict(member('toc.dat', toc(14), binary_size(9223372036854775807)))),
    ('a larger binary size', verdict(member('toc.dat', toc(14), '\x80000001'::bytea || binary_size(length(toc(14)), 8)))),
    ('other bytes at the end', verdict(substr(tar(), 1, length(tar()) - 1) || '\x01'::bytea, NULL, length(tar()))),
    ('no size', verdict(member('toc.dat', toc(14), 'x'))),
    ('a large size', verdict(member('toc.dat', toc(14), '777777777777'), NULL, 5000))
) AS cases (name, v);
-- that pg_restore read it proves nothing, and more is asked for
SELECT r.level, r.needs_bytes > 0 AS needs_bytes, r.missing, r.journal_id
FROM upgrade_prereq_record_backup(data => substr(tar(), 1, 600), size_bytes => length(tar()), restore_status => 0) AS r;

--
-- Plain
--
CREATE FUNCTION plain(token text DEFAULT NULL, last text DEFAULT NULL) RETURNS bytea LANGUAGE sql AS $sql$
    SELECT convert_to(E'--\n-- PostgreSQL database dump\n--\n\n' || COALESCE('\restrict ' || token || E'\n\n', '') ||
           E'-- Dumped from database version 15.20\n-- Dumped by pg_dump version 17.1\n\n' ||
           E'-- Started on 2026-11-28 22:01:19 CET\n\nSET client_encoding = ''UTF8'';\n\n' ||
           E'--\n-- TOC entry 215 (class 1259 OID 16500)\n-- Dependencies: 5\n' ||
           E'-- Name: a; Type: TABLE; Schema: public; Owner: postgres\n--\n\nCREATE TABLE public.a (x text);\n\n\n' ||
           E'--\n-- Name: TABLE a; Type: COMMENT; Schema: public; Owner: postgres\n--\n\n' ||
           E'COMMENT ON TABLE public.a IS ''it''''s;\n-- Name: no; Type: TABLE; Schema: no; Owner: no\n'';\n\n\n' ||
           E'--\n-- Name: p; Type: TABLE; Schema: public; Owner: postgres\n--\n\nCREATE TABLE public.p (\n    x int\n)\nPARTITION BY HASH (x);\n\n\n' ||
           E'--\n-- Name: f(); Type: FUNCTION; Schema: public; Owner: postgres\n--\n\n' ||
           E'CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$SELECT E''\\''' ||
           E'\n-- Name: no; Type: TABLE; Schema: no; Owner: no\n''$_$;\n\n\n' ||
           E'--\n-- TOC entry 3400 (class 0 OID 16500)\n-- Data for Name: a; Type: TABLE DATA; Schema: public; Owner: postgres\n--\n\n' ||
           E'COPY public.a (x) FROM stdin;\n' ||
           E'--\n-- Name: no; Type: TABLE; Schema: no; Owner: no\n-- PostgreSQL database dump complete\n--\n\nit''s $$ "\n\\.\n\n\n' ||
           E'--\n-- Name: b; Type: TABLE; Schema: x; y; Owner: -\n--\n\nCREATE TABLE b ();\n\n\n' ||
           COALESCE(last, E'--\n-- PostgreSQL database dump complete\n--\n\n' || COALESCE('\unrestrict ' || token || E'\n\n', '')), 'UTF8')
$sql$;
CREATE FUNCTION last_line(token text) RETURNS text LANGUAGE sql AS $$
    SELECT E'--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict ' || token || E'\n'
$$;
CREATE FUNCTION cluster(connect text DEFAULT 'x') RETURNS bytea LANGUAGE sql AS $$
    SELECT convert_to(E'--\n-- PostgreSQL database cluster dump\n--\n\n\\connect ' || connect || E'\n\n', 'UTF8') || plain('t')
$$;
\x
SELECT * FROM upgrade_prereq_read_archive(plain('t'));
\x
SELECT number, dump_id, type, schema_name, name, owner, catalog_oid, object_oid, has_data, row_count, definition
FROM upgrade_prereq_archive_entries(plain());
SELECT name, (v).*
FROM (VALUES
    ('whole', verdict(plain('t'))),
    ('CRLF', verdict(convert_to(replace(convert_from(plain('t'), 'UTF8'), E'\n', E'\r\n'), 'UTF8'))),
    ('no last line', verdict(plain('t', ''), NULL, length(plain('t', '')))),
    ('no last line, size not known', verdict(plain('t', ''))),
    ('another token', verdict(plain('t', last_line('u')), NULL, length(plain('t', last_line('u'))))),
    ('something behind', verdict(plain() || 'SELECT 1;', NULL, length(plain()) + 9)),
    ('within the data, behind what looks like the end',
     verdict(substr(plain(), 1, position('it''s $$'::bytea IN plain())), NULL, position('it''s $$'::bytea IN plain()))),
    ('beginning', verdict(substr(plain('t'), 1, 500), NULL, length(plain('t')))),
    ('beginning and end', verdict(substr(plain(), 1, 500), substr(plain(), length(plain()) - 255), length(plain()))),
    ('beginning and end, token', verdict(substr(plain('t'), 1, 500), substr(plain('t'), length(plain('t')) - 255), length(plain('t')))),
    ('beginning and another end', verdict(substr(plain('t'), 1, 500), substr(plain('u'), length(plain('u')) - 255), length(plain('t')))),
    ('cluster', verdict(cluster() || E'--\n-- PostgreSQL database cluster dump complete\n--\n')),
    ('cluster, the end of a database', verdict(cluster()))
) AS cases (name, v);
SELECT database_name, type, name FROM upgrade_prereq_archive_entries(cluster());
-- the name of the database may be quoted, even twice; what is not as pg_dumpall
-- writes it stays as it is
SELECT connect, (SELECT DISTINCT database_name FROM upgrade_prereq_archive_entries(cluster(connect)))
FROM unnest(ARRAY['x', '"My_Om"', '-reuse-previous=on "dbname=my.om"', '-reuse-previous=on "dbname=''my-om''"',
    $$-reuse-previous=on "dbname='it\'s \\ ""odd"" '"$$, '"', '""', '"a" b', '"a""', '-reuse-previous=on ', '-reuse-previous=on x',
    '-reuse-previous=on "x"', '-reuse-previous=on "dbname="', $$-reuse-previous=on "dbname='"$$, $$-reuse-previous=on "dbname='\"$$,
    $$-reuse-previous=on "dbname='a' host='b'"$$]) AS connect;
-- quotes and comments of all kinds end where they do: what looks like an entry
-- within them is none, and the one behind them is one
SELECT quote, string_agg(e.name, ', ' ORDER BY e.number) AS names
FROM (VALUES ('/* %s */'), ('/* /* '' */ %s "*/'), ('"%s"'), ('''%s'''''''), ('E''\''%s'''), ('SELECT $1, ''%s'';'), ('SELECT a$b, ''%s'';'),
             ('$é_1$ $é_2$%s$é_1$'), ('$ab%%$ab$ '' %s$ab$'), ('nameE''\'';')) AS v (quote),
     upgrade_prereq_archive_entries(convert_to(
         E'--\n-- PostgreSQL database dump\n--\n\n' || format(quote, E'\n-- Name: within; Type: TABLE; Schema: s; Owner: o\n') ||
         E'\n-- Name: behind; Type: TABLE; Schema: s; Owner: o\n', 'UTF8')) AS e
GROUP BY quote ORDER BY quote COLLATE "C";
-- a backslash in a string, as the dump's own setting has it
SELECT setting, (SELECT string_agg(e.name, ', ' ORDER BY e.number) FROM upgrade_prereq_archive_entries(convert_to(
         E'--\n-- PostgreSQL database dump\n--\n\nSET standard_conforming_strings = ' || setting ||
         E';\nSELECT ''\\'';\n-- Name: first; Type: TABLE; Schema: s; Owner: o\n'';\n' ||
         E'-- Name: second; Type: TABLE; Schema: s; Owner: o\n', 'UTF8')) AS e) AS names
FROM (VALUES ('on'), ('off')) AS v (setting);
-- numbers of entries that are none; a COPY from elsewhere; statistics
SELECT e.dump_id, e.catalog_oid, e.object_oid, e.type, e.name, e.row_count
FROM upgrade_prereq_archive_entries(convert_to(
    E'--\n-- PostgreSQL database dump\n--\n\n-- TOC entry 2147483648 (class 1259 OID 16500)\n-- Name: a; Type: TABLE; Schema: s; Owner: o\n' ||
    E'-- Data for Name: a; Type: TABLE DATA; Schema: s; Owner: o\nCOPY a FROM ''x'';\nCOPY a FROM stdin;\n1\n\\.\n' ||
    E'-- Statistics for Name: a; Type: STATISTICS DATA; Schema: s; Owner: o\n', 'UTF8')) AS e;
-- a cut dump never passes, wherever it was cut
SELECT count(*) AS cuts, count(*) FILTER (WHERE (v).complete <> 'no') AS wrong
FROM (SELECT verdict(substr(plain, 1, n), NULL, n) AS v
      FROM (SELECT plain('t') AS plain OFFSET 0) AS p, generate_series(40, length(plain) - 4) AS n) AS s;

--
-- OpenMetadata's own
--
\x
SELECT * FROM upgrade_prereq_read_archive('{"timestamp" : "2026-11-28T22:01:19.123456Z", "version" : "1.13.4",
    "databaseType" : "POSTGRES", "databaseName" : "openmetadata_db", "migrationVersions" : [ "1.1.0", "1.13.4" ],
    "tables" : { "bot_entity" : { "columns" : [ "id", "json" ], "binaryColumns" : [ ], "rowCount" : 12 },
                 "t\\u00e4\\ud83d\\ude00\\"" : { "rowCount" : -1 } } }');
\x
SELECT number, type, encode(convert_to(name, 'UTF8'), 'escape') AS name, has_data, row_count
FROM upgrade_prereq_archive_entries('{"databaseType": "POSTGRES",
    "tables" : { "bot_entity" : { "columns" : [ {"a": [1, null, true, "x"]} ], "rowCount" : 12 },
                 "t\\u00e4\\ud83d\\ude00\\"" : { "rowCount" : -1, "x": {} }, "u": {"rowCount": "3"}, "v": [1] } }');
SELECT json, (v).state, (v).problem, (v).complete, (v).needs
FROM (SELECT json, verdict(convert_to(json, 'UTF8')) AS v
      FROM unnest(ARRAY['{', '{}', '{"a": 1}', '{"databaseType": "POSTGRES"', '{"databaseType": 1, "tables": {}}', '{"a" 1}', '{"a": "\u0000"}',
        '{"a": "\ud83d"}', '{"a": "\udc00"}', '{"a": "\x"}', '{"a": }', '{"a": 1,}', '{a: 1}', E'{"a": "\n"}']) AS json) AS s;
SELECT (v).state, (v).problem FROM (SELECT verdict(('{"a": ' || repeat('[', 100000))::bytea) AS v) AS s;
-- a long string, and one of which only the beginning is kept
SELECT length(e.name), (v).state
FROM (VALUES (1000), (2000000)) AS l (length),
     LATERAL (SELECT convert_to('{"databaseType": "POSTGRES", "tables" : {"' || repeat('x', l.length) || '": {}}}', 'UTF8')) AS j (json),
     LATERAL (SELECT verdict(j.json) AS v) AS s, upgrade_prereq_archive_entries(j.json) AS e;

--
-- Others
--
SELECT name, (v).*
FROM (VALUES
    ('nothing', verdict('')),
    ('something', verdict('SELECT 1;')),
    ('too little', verdict('PG', NULL, 1000)),
    ('gzip', verdict('\x1f8b080000000000000303000000000000000000')),
    ('gzip, whole', verdict('\x1f8b080000000000000303000000000000000000', NULL, 20)),
    ('gzip, cut', verdict('\x1f8b0800000000000003030000000000000000', NULL, 19)),
    ('gzip, two members', verdict('\x1f8b0800000000000003030000000000000000001f8b080000000000000303000000000000000000', NULL, 40)),
    ('gzip, damaged', verdict('\x1f8b0800000000000003ff0000000000000000', NULL, 19)),
    ('lz4', verdict('\x04224d186040820000000000')),
    ('lz4, whole', verdict('\x04224d18604082020000806162' || '\x00000000'::bytea, NULL, 17)),
    ('lz4, with checksums', verdict('\x04224d18744082020000806162' || '\xffffffff00000000ffffffff'::bytea, NULL, 25)),
    ('lz4, cut in a block', verdict('\x04224d186040820200008061', NULL, 12)),
    ('lz4, another version', verdict('\x04224d18a04082' || '\x00000000'::bytea, NULL, 11)),
    ('lz4, a skippable frame', verdict('\x04224d1860408200000000' || '\x532a4d18020000006162'::bytea, NULL, 21)),
    ('lz4, something behind', verdict('\x04224d1860408200000000' || '\x61626364'::bytea, NULL, 15)),
    ('zstd', verdict('\x28b52ffd2400010000')),
    ('zstd, whole', verdict('\x28b52ffd2000010000', NULL, 9)),
    ('zstd, a repeated byte and a checksum', verdict('\x28b52ffd240a53000061' || '\xffffffff'::bytea, NULL, 14)),
    ('zstd, a reserved bit', verdict('\x28b52ffd2800010000', NULL, 9)),
    ('zstd, a reserved block', verdict('\x28b52ffd2000070000', NULL, 9)),
    ('UTF-16', verdict('\xfffe2d002d00'))
) AS cases (name, v);

--
-- Arguments
--
CREATE ROLE regress_archive;
GRANT USAGE ON SCHEMA archive TO regress_archive;
CREATE FUNCTION attempt(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text;
BEGIN
    EXECUTE 'SELECT 1 FROM ' || call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || message, NULLIF(detail, ''), NULLIF(hint, ''));
END
$$;
\t
SELECT f || a, attempt(f || a) FROM unnest(ARRAY['upgrade_prereq_read_archive', 'upgrade_prereq_archive_entries']) AS f,
    unnest(ARRAY['()', '(NULL, NULL)', '(''x'', ''y'')', '(''x'', tail => ''y'')', '(''x'', size_bytes => 0)',
                 '(''x'', size_bytes => -1)', '(''x'', NULL, ''abc'', 2)', '(''x'', NULL, ''abc'', 3)',
                 '(''x'', size_bytes => 1152921504606846977)', '(path => ''PG_VERSION'', tail => ''x'')',
                 '(path => ''PG_VERSION'', size_bytes => 1)', '(path => ''no/such/file'')', '(path => ''PG_VERSION'')',
                 '(path => ''/dev/null'')', '(path => ''base'')']) AS a;
SET ROLE regress_archive;
SELECT attempt('upgrade_prereq_read_archive(path => ''PG_VERSION'')');
SELECT attempt('upgrade_prereq_archive_entries(path => ''PG_VERSION'')');
SELECT attempt('upgrade_prereq_read_archive(''x'')');
RESET ROLE;
GRANT pg_read_server_files TO regress_archive;
SET ROLE regress_archive;
SELECT attempt('upgrade_prereq_read_archive(path => ''PG_VERSION'')');
RESET ROLE;
\t

SET client_min_messages = warning;
DROP SCHEMA archive CASCADE;
DROP ROLE regress_archive;
