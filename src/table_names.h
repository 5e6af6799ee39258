/*-------------------------------------------------------------------------
 *
 * table_names.h
 *	  The names that tables of OpenMetadata have had, in any release.
 *
 * What others keep in the same schema is not OpenMetadata's, and no owner
 * tells the two apart: a dump that was restored without owners, or a table
 * that somebody gave away, is still OpenMetadata's.
 *
 * tools/script.awk reads the macro, too.
 *
 * src/table_names.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_TABLE_NAMES_H
#define UPGRADE_PREREQ_TABLE_NAMES_H

/* A condition on the row "class" of pg_class. */
#define IS_OPENMETADATA_TABLE \
"(class.relname ~ '^(act|flw|qrtz|activity_stream)_' " \
"OR class.relname = ANY ('{" \
"DATABASE_CHANGE_LOG,activity_stream,activity_stream_config," \
"agent_execution_entity,ai_application_entity," \
"ai_governance_policy_entity,announcement_entity," \
"api_collection_entity,api_endpoint_entity,api_service_entity," \
"apps_data_store,apps_extension_time_series,apps_marketplace," \
"asset_entity,audit_log_event,automations_workflow,background_jobs," \
"bot_entity,change_event,change_event_consumers,chart_entity," \
"classification,consumers_dlq,context_file,context_file_content," \
"context_memory,conversation_domain,conversation_entity," \
"conversation_mention,conversation_reply,dashboard_data_model_entity," \
"dashboard_entity,dashboard_service_entity,data_contract_entity," \
"data_insight_chart,data_product_entity," \
"data_quality_data_time_series,data_quality_dimension," \
"database_entity,database_schema_entity,dbservice_entity," \
"di_chart_entity,directory_entity,doc_store,domain_entity," \
"drive_folder,drive_service_entity,entity_deletion_lock," \
"entity_extension,entity_extension_time_series,entity_relationship," \
"entity_usage,event_subscription_entity,field_relationship," \
"file_entity,glossary_entity,glossary_term_entity," \
"index_mapping_versions,ingestion_pipeline_entity,installed_apps," \
"intake_form_entity,knowledge_center,knowledge_panel_entity," \
"kpi_entity,learning_resource_entity,llm_model_entity," \
"llm_service_entity,mcp_execution_entity,mcp_pending_auth_requests," \
"mcp_server_entity,mcp_service_entity,messaging_service_entity," \
"metadata_service_entity,metric_entity,metric_group_entity," \
"ml_model_entity,mlmodel_service_entity,new_task_sequence," \
"notification_template_entity,oauth_access_tokens," \
"oauth_authorization_codes,oauth_clients,oauth_refresh_tokens," \
"ontology_annex,ontology_axiom_entity,ontology_change_set_entity," \
"ontology_edit_lock,openmetadata_settings,persona_entity," \
"pipeline_entity,pipeline_service_entity,policy_entity," \
"profiler_data_time_series,prompt_template_entity," \
"query_cost_time_series,query_entity,rdf_custom_ontology," \
"rdf_index_job,rdf_index_partition,rdf_index_server_stats," \
"rdf_inference_rule,rdf_reindex_lock,recognizer_feedback_entity," \
"relationship_type_entity,report_data_time_series,report_entity," \
"role_entity,search_index_entity,search_index_failures," \
"search_index_job,search_index_partition,search_index_retry_queue," \
"search_index_server_stats,search_reindex_lock,search_service_entity," \
"security_service_entity,server_change_log,server_migration_sql_logs," \
"spreadsheet_entity,sso_test_login_session,storage_container_entity," \
"storage_service_entity,stored_procedure_entity," \
"successful_sent_change_events,suggestions,table_entity," \
"table_entity_extension,tag,tag_usage,task_entity," \
"task_form_schema_entity,task_sequence,task_workflow_outbox," \
"team_entity,test_case,test_case_dimension_results_time_series," \
"test_case_incident,test_case_resolution_status_time_series," \
"test_connection_definition,test_definition,test_suite,thread_entity," \
"thread_entity_legacy,topic_entity,type_entity,user_entity," \
"user_session,user_tokens,web_analytic_event," \
"workflow_definition_entity,workflow_instance_state_time_series," \
"workflow_instance_time_series,worksheet_entity" \
"}'::name[]))"

#endif							/* UPGRADE_PREREQ_TABLE_NAMES_H */
