-- Jobs that came, went, or have another status than when the call read them: their indexes follow at its end, as does
-- what their tenants count.

-- Bits by place, of a class or of a tenant.
local function note(changes, name, place, bits)
  local places = changes[name]
  if not places then
    places = {}
    changes[name] = places
  end
  places[place] = (places[place] or 0) + bits
end

-- What becomes of a run of jobs: `n` of a tenant's, in one block, that go the same way.
local function go(q, moves, run)
  tenant.follow(q, run.tenant, run.was, run.now, run.n, moves.unread)
  local from, to, name, place, bits = index.class(run.was), index.class(run.now), run.tenant, run.place, run.bits
  if from == to then return end
  if from then note(moves.left, from, place, bits) else index.come(moves.came, name, place, bits) end
  if to then note(moves.joined, to, place, bits) else note(moves.went, name, place, bits) end
end

local function collect(q, moves)
  local run = { n = 0 }
  for i = 1, #q.touched do
    local j = q.touched[i]
    local was, now, at = j.was, not j.gone and j.status, j.seq % index.block
    if was ~= now then
      local place, name = j.seq - at, j.tenant
      if run.place ~= place or run.was ~= was or run.now ~= now or run.tenant ~= name then
        go(q, moves, run)
        run.place, run.was, run.now, run.tenant, run.bits, run.n = place, was, now, name, 0, 0
      end
      run.bits, run.n = run.bits + marks.bits[at], run.n + 1
    end
  end
  go(q, moves, run)
end

function index.flush(q)
  local moves = { left = {}, joined = {}, came = { names = {}, first = {}, more = {} }, went = {}, unread = {} }
  collect(q, moves)
  tenant.follow_unread(q, moves.unread)
  for class, places in pairs(moves.left) do marks.take_out(index.of_class(q, class), places) end
  for class, places in pairs(moves.joined) do marks.put_in(index.of_class(q, class), places) end
  for name, places in pairs(moves.went) do marks.take_out(index.of_tenant(q, name), places) end
  index.enter_all(q, moves.came)
  blocks.flush(q)
end
