-- The audit of marks (37_marks.lua): those of a tenant's jobs, and of classes of statuses.

-- Of a job, in the members of a set and, if it is its tenant's, in that one's record.
local function marked(q, j, name, wanted, t)
  local key, place, its, n = q.prefix .. name, index.block_of(j.seq), marks.bit(j), 0
  local function count(bits) n = n + (bit.band(bits, its) ~= 0 and 1 or 0) end
  for _, member in ipairs(marks.members(key, place)) do count(marks.of(member)) end
  for _, row in ipairs(t and newest.rows(t) or {}) do count(row[1] == place and row[2] or 0) end
  if n == wanted then return end
  audit.say(q, 'index', j.id, (wanted == 1 and 'not right' or 'wrongly') .. ' in ' .. name)
  if not q.fix then return end
  marks.thin(key, { [place] = its })
  if t then newest.keep(t, function(other, bits) return other ~= place or bits ~= its end) end
  if wanted == 1 then redis.call('ZADD', key, place, marks.member(place, its)) end
end

-- A job is one of its tenant's, and in one class.
function audit.marks(q, j)
  marked(q, j, 'index:' .. j.tenant, 1, tenant.open(q, j.tenant))
  for _, class in ipairs(index.classes) do
    marked(q, j, 'class:' .. class, index.class(j.status) == class and 1 or 0)
  end
end

-- The bits that a block must have, by the records of its jobs.
function audit.marks_of(q, place, kind, rest)
  local ids, bits = {}, 0
  blocks.ids(q, place, marks.all, ids)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    local is = j and (kind == 'index' and j.tenant or index.class(j.status)) == rest
    if is and index.block_of(j.seq) == place then bits = bit.bor(bits, marks.bit(j)) end
  end
  return bits
end

-- What is said of blocks is true.
function audit.said_of_blocks(q, name, members)
  local key, kind, rest = q.prefix .. name, string.match(name, '^(%l+):(.*)$')
  for _, member in ipairs(members) do
    local place, bits = tonumber(redis.call('ZSCORE', key, member)), marks.of(member)
    local kept = place and bit.band(bits, audit.marks_of(q, place, kind, rest))
    if place and (kept == 0 or member ~= marks.member(place, kept)) then
      audit.say(q, 'dangling', member, 'in ' .. name)
      if q.fix then redis.call('ZREM', key, member) end
      if q.fix and kept ~= 0 then redis.call('ZADD', key, place, marks.member(place, kept)) end
    end
  end
end
