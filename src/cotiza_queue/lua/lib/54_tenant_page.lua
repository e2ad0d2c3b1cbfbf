-- The tenants of a page of jobs.
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
