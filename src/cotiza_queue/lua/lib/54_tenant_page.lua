-- Reading tenants.

-- Reads a page of tenants at once; what was read before stays as it is.
function tenant.fetch(q, names)
  local tenants, wanted, n = q.tenants, {}, 0
  for i = 1, #names do
    local name = names[i]
    if tenants[name] == nil then
      n = n + 1
      wanted[n], tenants[name] = name, false
    end
  end
  if n == 0 then return end
  local values, opened, m = queue.values(wanted, q.prefix .. 'tenants'), q.opened, #q.opened
  for i = 1, n do
    local t = tenant.unpacked(wanted[i], values[i])
    tenants[t.name], opened[m + i] = t, t
  end
end

function tenant.open(q, name)
  local t = q.tenants[name]
  if not t then tenant.fetch(q, { name }) end
  return t or q.tenants[name]
end

-- Those of a page of jobs.
function tenant.fetch_of(q, ids)
  local names, n, last = {}, 0, nil
  for i = 1, #ids do
    local j = q.jobs[ids[i]]
    if j and j.tenant ~= last then
      last, n = j.tenant, n + 1
      names[n] = last
    end
  end
  tenant.fetch(q, names)
end
