-- The audit of counters: statuses, and the jobs of a tenant that have not started. To count bits costs less than to read
-- jobs, so there may be more of them.
tally.bits = 10

-- How many jobs each class has; nil if the classes have more than `most` members.
local function classes(q, most)
  local counts = {}
  for _, class in ipairs(index.classes) do
    local members = redis.call('ZRANGE', index.of_class(q, class), 0, most)
    most, counts[class] = most - #members, 0
    if most < 0 then return nil end
    for _, member in ipairs(members) do counts[class] = counts[class] + marks.count(marks.of(member)) end
  end
  return counts
end

-- Counts the jobs of a class for their tenants.
local function read(q, class)
  local ids = {}
  for _, member in ipairs(redis.call('ZRANGE', index.of_class(q, class), 0, -1)) do
    blocks.ids(q, tonumber(string.match(member, '^%x+') or '0', 16), marks.of(member), ids)
  end
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.status ~= 'active' then tally.add(q, j.tenant, 'there') end
  end
end

-- How many jobs are of each status, from what holds them. Where those that have not ended are at most `most`, it is
-- also counted how many of these each tenant has; if not, that is said.
function tally.statuses(q, most)
  local counts = classes(q, tally.bits * most)
  q.indexed = counts and counts.open + counts.delayed + counts.blocked <= most
  for _, class in ipairs(q.indexed and index.classes or {}) do
    if not index.has_ended(class) then read(q, class) end
  end
  if not q.indexed then audit.say(q, '?counters', 'jobs', 'too many to count all of them in one look') end
  counts = counts or {}
  counts.active, counts.waiting, counts.open = q.running, counts.open and counts.open - q.running, nil
  counts.delayed = redis.call('ZCARD', q.prefix .. 'delayed')
  return counts
end
