-- The marks of a tenant's jobs that come, and of those that go: noted as the call goes, written at its end. The place and
-- the bits of its last block are one number (`q.came`); most tenants of a call have one. Those of others are in
-- `q.came_before`.
local shift = marks.all + 1

-- Bits by place, of a class or of a tenant.
function index.note(changes, name, place, bits)
  local places = changes[name]
  if not places then
    places = {}
    changes[name] = places
  end
  places[place] = (places[place] or 0) + bits
end

function index.come(q, t, seq)
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

-- Of a job that came with this very call, nothing is left.
function index.go(q, j)
  local place, bits, name = index.block_of(j.seq), marks.bit(j), j.tenant
  if j.was then
    q.unread[name] = q.unread[name] or 0
    return index.note(q.went, name, place, bits)
  end
  local t = tenant.open(q, name)
  local last, places = q.came[t], q.came_before[t]
  if last - last % shift == place * shift then
    q.came[t] = last - bits
  else
    places[place] = places[place] ~= bits and places[place] - bits or nil
  end
end

function index.flush_tenants(q)
  for name, places in pairs(q.went) do newest.take_out(q, tenant.open(q, name), places) end
  for t, last in pairs(q.came) do
    local bits, places = last % shift, q.came_before[t]
    local place = (last - bits) / shift
    if places then
      if bits ~= 0 then places[place] = bits end
      newest.to_set(q, t, places)
    elseif bits ~= 0 then
      newest.add(q, t, place, bits)
    end
  end
end
