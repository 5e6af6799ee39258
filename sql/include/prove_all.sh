#!/bin/sh
#
# prove_all.sh FOLDER: a psql script that has include/prove.sql look at each
# fault of the folder, in the order of the eras that they are planted in.

cd "$1" || exit
for era in 1.0 1.4 1.8 1.13 2.0; do
	for fault in *.sql; do
		awk -v era="$era" -v fault="$PWD/$fault" -v id="${fault%.sql}" '
			NR == 1 && match($0, /^-- era: [0-9.]+, target: *[0-9.]*$/) {
				split($0, part, /[:,] */)
				if (part[2] != era)
					exit
				target = part[4]
				found = 1
			}
			/^-- transaction: no$/ { alone = 1 }
			!/^--/ { exit }
			END {
				if (!found)
					exit
				print "\\set check_id " id
				print "\\set era " era
				print "\\set target \047" target "\047"
				print "\\set fault \047" fault "\047"
				print "\\set transaction " (alone ? "off" : "on")
				print "\\i :prove"
			}' "$fault"
	done
done
