-- The audit: compares the documents of a venture with the requirements that apply to it.
--
-- The text continues a list of common table expressions. The query around it has the row `v` of the venture, with `code`,
-- `capabilities_json` and the current time `now`. `budget`, before this text, says how many rows the audit may read.

-- The requirements that apply: those of the venture and those of every venture, if the venture has the capability. Two
-- ranges of one index are merged, so nothing is sorted. One row more than the budget shows that others apply.
applicable as not materialized (
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture = v.code and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  union all
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture is null and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  order by auto_generate desc, name_pattern, id limit (select requirements + 1 from budget)
),

-- The 20 oldest patterns that apply. `put_requirement` accepts no more. A pattern of more than 50 bytes, which D1 refuses to
-- compare, matches no document.
patterns as (
  select count(*) as n, json_group_array(id) as ids, json_group_array(iif(octet_length(pattern) <= 50, pattern, '')) as globs
  from (
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture = v.code and instr(name_pattern, '*') > 0
    union all
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture is null and instr(name_pattern, '*') > 0
    order by id limit 20)
),

-- The first documents of each scope, read once. `names` has the time at which each was last put, `bests` the latest time of
-- those that match each pattern. `more` says whether the scope has other documents.
documents as materialized (
  select patterns.*, (
    select json_group_object(scope, json((
      select json_object('names', json_group_object(first.name, first.confirmed_at), 'more', count(*) > (select docs from budget),
        'bests', json_array(
          max(iif(first.name glob globs ->> 0, first.confirmed_at, null)), max(iif(first.name glob globs ->> 1, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 2, first.confirmed_at, null)), max(iif(first.name glob globs ->> 3, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 4, first.confirmed_at, null)), max(iif(first.name glob globs ->> 5, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 6, first.confirmed_at, null)), max(iif(first.name glob globs ->> 7, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 8, first.confirmed_at, null)), max(iif(first.name glob globs ->> 9, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 10, first.confirmed_at, null)), max(iif(first.name glob globs ->> 11, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 12, first.confirmed_at, null)), max(iif(first.name glob globs ->> 13, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 14, first.confirmed_at, null)), max(iif(first.name glob globs ->> 15, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 16, first.confirmed_at, null)), max(iif(first.name glob globs ->> 17, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 18, first.confirmed_at, null)), max(iif(first.name glob globs ->> 19, first.confirmed_at, null))))
      from (
        select name, confirmed_at from doc_confirmations where scope = scopes.scope
        order by name limit (select docs + 1 from budget)) first)))
    from (select v.code as scope union all select 'global') scopes) as of_scopes
  from patterns
),

-- If a scope has more documents than the first ones, names that are not among them are looked up: so many of the first
-- requirements. `no_lookup_from` is the place of the first requirement whose name is not looked up.
known as materialized (
  select *, case when instr(of_scopes, '"more":1') > 0 then (
      select case
        when count(*) filter (where is_unknown) > (select lookups from budget) then
          json_group_array(json(place)) filter (where is_unknown) -> (select lookups from budget)
        when count(*) > (select scanned from budget) then json_group_array(json(place)) -> (select scanned from budget) end
      from (
        select json_array(not auto_generate, name_pattern) as place, instr(name_pattern, '*') = 0 and (
            of_scopes -> iif(scope_type = 'global', 'global', v.code) -> 'names' ->> replace(name_pattern, '{venture}', v.code)
          ) is null as is_unknown
        from applicable limit (select scanned + 1 from budget)))
    end as no_lookup_from
  from documents
),

-- The documents with each verdict and their numbers, as one JSON object. It is one value of the row of `known`, so that each
-- requirement is read once and no row is copied.
lists as materialized (select (with

-- Each requirement, with the scope and the name of its document. `place` is the place of its pattern among the patterns. It
-- is null for a name without a `*`, and negative for a pattern that is not among them.
asked as (
  select a.*, n, globs, no_lookup_from, iif(scope_type = 'global', 'global', v.code) as scope,
    replace(name_pattern, '{venture}', v.code) as name,
    replace(substr(name_pattern, 1, instr(name_pattern, '*') - 1), '{venture}', v.code) as beginning,
    case when instr(name_pattern, '*') = 0 then null when instr(ids, a.id) = 0 then -1
      -- An id has 30 characters, and 33 with its quotes and comma.
      else (instr(ids, a.id) - 3) / 33 end as place,
    of_scopes -> iif(scope_type = 'global', 'global', v.code) as docs
  from applicable a limit -1
),

-- `found` is an array: the time of the latest document that meets the requirement, and whether all documents that could
-- meet it were compared.
compared as (
  select a.*, case
    when place < 0 then json_array(null, 0)
    when docs -> 'names' ->> name is not null then json_array(docs -> 'names' ->> name, 1)
    when not docs ->> 'more' then json_array(docs -> 'bests' ->> place, 1)
    when place is not null and n <= 4 then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches + 1 from budget)))
    when place is not null then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches / 5 from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches / 5 + 1 from budget)))
    when no_lookup_from is null or (not auto_generate, name_pattern) < (no_lookup_from ->> 0, no_lookup_from ->> 1) then
      json_array((select confirmed_at from doc_confirmations c where c.scope = a.scope and c.name = a.name), 1)
    else json_array(null, 0) end as found
  from asked a limit -1
),

-- The rules. The first one that holds gives the verdict.
judged as (
  select case
      when found ->> 0 >= strftime('%Y-%m-%dT%H:%M:%fZ', v.now, '-' || staleness_days || ' days') then 'present'
      when not found ->> 1 then 'unchecked'
      when found ->> 0 is not null then 'stale'
      when required then 'missing'
      else 'optional' end as verdict,
    json_object('requirement_id', id, 'scope', scope, 'name', name, 'required', json(iif(required, 'true', 'false')),
      'auto_generate', json(iif(auto_generate, 'true', 'false')), 'sources', json(sources_json),
      'confirmed_at', found ->> 0, 'staleness_days', staleness_days) as doc
  from compared limit -1
)

-- `more` says whether other requirements apply.
select json_object('more', count(*) > (select requirements from budget),
  'missing', json_group_array(json(doc)) filter (where verdict = 'missing'), 'missing_n', count(*) filter (where verdict = 'missing'),
  'stale', json_group_array(json(doc)) filter (where verdict = 'stale'), 'stale_n', count(*) filter (where verdict = 'stale'),
  'present', json_group_array(json(doc)) filter (where verdict = 'present'), 'present_n', count(*) filter (where verdict = 'present'),
  'optional', json_group_array(json(doc)) filter (where verdict = 'optional'), 'optional_n', count(*) filter (where verdict = 'optional'),
  'unchecked', json_group_array(json(doc)) filter (where verdict = 'unchecked'), 'unchecked_n', count(*) filter (where verdict = 'unchecked'))
from judged) as lists from known)
