-- Events about changes on GitHub: a change that GitHub tells in two deliveries, because an App and a repository have a webhook
-- each, appends its event once.

-- What changed, if the delivery is the first one that tells it: the repository, the number, the action, the time, the kind or the
-- label.
alter table github_deliveries add column change_id text;

-- POST /webhooks/github: whether the change was told before.
create index github_deliveries_by_change on github_deliveries (change_id) where change_id is not null;
