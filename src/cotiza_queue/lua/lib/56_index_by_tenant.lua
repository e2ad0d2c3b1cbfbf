-- What moves make of the indexes and the counts of tenants.

-- `n` jobs of a tenant, in one block, that go the same way.
local function go_of(q, moves, name, was, now, place, bits, n)
  if not name then return end
  tenant.follow(q, name, was, now, n, moves.unread)
  if not was then index.come(moves.came, name, place, bits) end
  if not now then index.note(moves.went, name, place, bits) end
end

-- Most moves make no difference to the tenant: it is counted who has not started, and indexed who is there.
function index.collect_by_tenant(q, moves)
  local touched, there, name, was, now, place, bits, n = q.touched, tenant.there, nil, nil, nil, nil, 0, 0
  for i = 1, #touched do
    local j = touched[i]
    local before, after, at = j.was, not j.gone and j.status, j.seq % index.block
    if before ~= after and (not (before and after) or there[before] ~= there[after]) then
      if name ~= j.tenant or place ~= j.seq - at or was ~= before or now ~= after then
        go_of(q, moves, name, was, now, place, bits, n)
        name, was, now, place, bits, n = j.tenant, before, after, j.seq - at, 0, 0
      end
      bits, n = bits + marks.bits[at], n + 1
    end
  end
  go_of(q, moves, name, was, now, place, bits, n)
end
