-- What is kept of a tenant: one packed map of numbers, its limits and its counters. Read once a call, and written once,
-- at its end; what is zero among the counters is left out, and of a tenant with nothing left nothing is kept.
local tenant = { window = 2 }

local function open(name, key, whole, kept)
  if not whole or type(kept) ~= 'table' then return { name = name, key = key } end
  kept.name, kept.key = name, key
  return kept
end

local function unpacked(name, key, packed) return open(name, key, pcall(cmsgpack.unpack, packed)) end

-- Reads a page of tenants at once, and jobs with them if there are such.
function tenant.fetch(q, names, ids)
  local keys, wanted = job.unread(q, ids or {})
  local jobs, n, tenants = #keys, #keys, q.tenants
  for i = 1, #names do
    local name = names[i]
    if not tenants[name] then
      n = n + 1
      keys[n], wanted[n] = q.prefix .. 'tenant:' .. name, name
      tenants[name] = { name = name, key = keys[n] }
    end
  end
  local values = queue.values(keys)
  job.found(q, jobs, keys, wanted, values)
  for i = jobs + 1, n do
    if values[i] then tenants[wanted[i]] = unpacked(wanted[i], keys[i], values[i]) end
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

-- Its numbers; texts and tables are of this call only.
function tenant.numbers(t)
  local kept = {}
  for field, value in pairs(t) do
    if type(value) == 'number' and value ~= 0 then kept[field] = value end
  end
  return kept
end
