-- The request log is listed along one key, time first: a window of time is a range of it, and a cursor
-- stands in it. Each filter has it at the end of its index, so that a page costs the same over any log.
alter table request_log add column moment text not null
  generated always as (replace(created_at, ':', '') || '_' || printf('%014d', id)) virtual;

drop index request_log_by_actor;

create index request_log_by_moment on request_log (moment);
create index request_log_by_actor on request_log (actor_key_id, moment);
create index request_log_by_status on request_log (status, moment);
create index request_log_by_operation on request_log (operation, moment);
