-- Lists of the request log. `moment` is their sort key and starts with the time: a time window is a range of it, and a
-- cursor is one of its values. It is the last column of the index of each filter, so that the cost of a page does not
-- depend on the size of the log.
alter table request_log add column moment text not null
  generated always as (replace(created_at, ':', '') || '_' || printf('%014d', id)) virtual;

drop index request_log_by_actor;

create index request_log_by_moment on request_log (moment);
create index request_log_by_actor on request_log (actor_key_id, moment);
create index request_log_by_status on request_log (status, moment);
create index request_log_by_operation on request_log (operation, moment);
