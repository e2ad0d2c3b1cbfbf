-- Of a tenant whose starts are capped, each running job counts, and its record says so (`counted`). So one that ends
-- elsewhere costs its tenant nothing.
function admission.count(q, t, j)
  job.set(q, j, 'counted', true)
  tenant.run(t, 1)
end

-- Starts are capped from now on: what runs already counts as well.
function admission.cap(q, t)
  local ids = active.ids(q)
  job.fetch(q, ids)
  for _, id in ipairs(ids) do
    local j = job.read(q, id)
    if j and j.status == 'active' and j.tenant == t.name and not j.rare.counted then admission.count(q, t, j) end
  end
end
