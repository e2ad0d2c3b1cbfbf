-- The audit of counters: a count of what is there. `most` bounds how many entries of lanes are read for it.
local tally = {}

local function add(of, name, n) of[name] = (of[name] or 0) + n end

local function tenant_of(q, name)
  local t = q.tally[name] or {}
  q.tally[name] = t
  return t
end

function tally.add(q, name, field) add(tenant_of(q, name), field, 1) end

-- One that runs counts for its tenant, or is among those that do not.
local function run(q, t, j)
  q.running = q.running + 1
  if j.rare.counted then return add(t, 'active', 1) end
  local apart = q.uncounted[j.tenant] or {}
  q.uncounted[j.tenant], apart[#apart + 1] = apart, j
end

-- One entry of a lane that stands for a waiting or an active job, or counts for its tenant in any case. `last`: up to
-- which one they were handed out.
local function entry_counts(q, number, read, standing, last)
  local j, of = job.read(q, read[2][2]), lane.of(read)
  if of and not job.stands(j, number, read[1]) and not audit.handed_out(last, read[1]) then
    add(standing, number, 1)
    return add(tenant_of(q, of), number, 1)
  end
  if not job.stands(j, number, read[1]) then return end
  local t = tenant_of(q, j.tenant)
  if j.status == 'active' then return run(q, t, j) end
  if j.status ~= 'waiting' then return end
  add(standing, number, 1)
  if number % 2 == 1 then add(t, number, 1) end
end

-- Reads all lanes; nil if there is too much to read. `numbers`: lanes whose keys were seen.
function tally.lanes(q, most, numbers)
  local standing, left = {}, most
  q.tally, q.running, q.uncounted = {}, 0, {}
  for number in string.gmatch(numbers, '%d+') do standing[tonumber(number)] = 0 end
  for _, number in ipairs(lane.numbers(q)) do standing[number] = 0 end
  for number in pairs(standing) do
    local entries = redis.call('XRANGE', lane.key(q, number), '-', '+', 'COUNT', left + 1)
    left = left - #entries
    if left < 0 then return nil end
    local last = entries[1] and lane.delivered(q, number)
    for _, read in ipairs(entries) do entry_counts(q, number, read, standing, last) end
  end
  return standing
end
