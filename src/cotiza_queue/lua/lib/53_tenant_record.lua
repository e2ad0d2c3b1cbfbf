-- What is kept of a tenant: one packed map of numbers, its limits and its counters. Read once a call, and written once,
-- at its end; what is zero among the counters is left out, and of a tenant with nothing left nothing is kept.
local tenant = { window = 2, page = 1000 }

local function open(name, key, whole, kept)
  if not whole or type(kept) ~= 'table' then return { name = name, key = key } end
  kept.name, kept.key = name, key
  return kept
end

local function unpacked(name, key, packed)
  if not packed then return open(name, key) end
  return open(name, key, pcall(cmsgpack.unpack, packed))
end

-- Reads a page of tenants at once.
function tenant.fetch(q, names)
  local keys, wanted, asked = {}, {}, {}
  for _, name in ipairs(names) do
    if not q.tenants[name] and not asked[name] then
      asked[name] = true
      keys[#keys + 1], wanted[#wanted + 1] = q.prefix .. 'tenant:' .. name, name
    end
  end
  for first = 1, #keys, tenant.page do
    local page = redis.call('MGET', unpack(keys, first, math.min(first + tenant.page - 1, #keys)))
    for i, packed in ipairs(page) do
      local name = wanted[first + i - 1]
      q.tenants[name] = unpacked(name, keys[first + i - 1], packed)
    end
  end
end

-- The tenants of a page of jobs.
function tenant.fetch_of(q, ids)
  local names, last = {}, nil
  for _, id in ipairs(ids) do
    local j = q.jobs[id]
    if j and j.tenant ~= last then
      last = j.tenant
      names[#names + 1] = last
    end
  end
  tenant.fetch(q, names)
end

function tenant.open(q, name)
  if not q.tenants[name] then tenant.fetch(q, { name }) end
  return q.tenants[name]
end

-- Its numbers; texts and tables are of this call only.
function tenant.numbers(t)
  local kept = {}
  for field, value in pairs(t) do
    if type(value) == 'number' then kept[field] = value end
  end
  return kept
end
