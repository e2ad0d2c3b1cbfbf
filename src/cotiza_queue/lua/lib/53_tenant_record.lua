-- What is kept of a tenant: four packed values, in this order. `there`: how many of its jobs have not started. A lane,
-- how many stand in it, how many are behind these. What few tenants have follows: `limits`, a map of what they may do,
-- since when and until when (with `active`, how many run, where that is capped), and a list of such threes of further
-- lanes. In a script, `t[n]` stand in lane n and `t[-n]` are behind them; `t.lane` is the lane, `t.others` further ones.
-- Read once a call, and written once, at its end; of a tenant with nothing left nothing is kept.
local tenant = { window = 2, none = {} }

local function new(name, key)
  return { name = name, key = key, there = 0, limits = tenant.none, lane = false, changed = false }
end

local function opened(name, key, whole, there, number, inside, behind, limits, others)
  if not whole or not behind then return new(name, key) end
  local t = { name = name, key = key, there = there, limits = limits or tenant.none, lane = number > 0 and number, changed = false,
    [number] = inside, [-number] = behind }
  for i = 1, others and #others or 0, 3 do
    t.others = t.others or {}
    t.others[#t.others + 1], t[others[i]], t[-others[i]] = others[i], others[i + 1], others[i + 2]
  end
  return t
end

-- Reads a page of tenants at once, and jobs with them if there are such.
function tenant.fetch(q, names, ids)
  local keys, wanted = job.unread(q, ids or {})
  local jobs, n, tenants, prefix = #keys, #keys, q.tenants, q.prefix .. 'tenant:'
  for i = 1, #names do
    local name = names[i]
    if tenants[name] == nil then
      n = n + 1
      keys[n], wanted[n], tenants[name] = prefix .. name, name, false
    end
  end
  local values = queue.values(keys)
  job.found(q, jobs, keys, wanted, values)
  for i = jobs + 1, n do
    local name, key, packed = wanted[i], keys[i], values[i]
    tenants[name] = packed and opened(name, key, pcall(cmsgpack.unpack, packed)) or new(name, key)
  end
end

-- The tenants of a page of jobs.
function tenant.fetch_of(q, ids)
  local names, last = {}, nil
  for i = 1, #ids do
    local j = q.jobs[ids[i]]
    if j and j.tenant ~= last then
      last = j.tenant
      names[#names + 1] = last
    end
  end
  tenant.fetch(q, names)
end

function tenant.open(q, name)
  local t = q.tenants[name]
  if not t then tenant.fetch(q, { name }) end
  return t or q.tenants[name]
end
