-- The marks of a tenant's jobs that come, and of those that go. Of a tenant of few jobs its record is told at once
-- (55_newest.lua). Of others it is noted as the call goes, and written at its end: block and bits of a tenant's last block
-- are one number (`q.came`); most have one in a call. What they have besides is in `q.came_before`.
local shift = marks.all + 1

function index.come(q, t, seq)
  if not t.listed then return newest.add(q, t, seq) end
  local last, at = q.came[t], seq % index.block
  local here, bits = (seq - at) * shift, marks.bits[at]
  if not last then
    q.came[t] = here + bits
  elseif last - last % shift == here then
    q.came[t] = last + bits
  else
    q.came[t] = here + bits
    index.note(q.came_before, t, (last - last % shift) / shift, last % shift)
  end
end

function index.go(q, j)
  local name = j.tenant
  q.unread[name] = q.unread[name] or 0
  index.note(q.went, name, index.block_of(j.seq), marks.bit(j))
end

-- What comes first: a job may come and go with one call.
function index.flush_tenants(q)
  for t, last in pairs(q.came) do
    local bits, places = last % shift, q.came_before[t]
    local place = (last - bits) / shift
    if places then
      places[place] = (places[place] or 0) + bits
      marks.put_in(index.of_tenant(q, t.name), places)
    else
      newest.add_to_set(q, t, place, bits)
    end
  end
  for name, places in pairs(q.went) do newest.take_out(q, tenant.open(q, name), places) end
end
