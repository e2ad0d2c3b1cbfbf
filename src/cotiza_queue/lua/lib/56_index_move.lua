-- Jobs that came, went, or have another status than when the call read them: their indexes follow at its end, as does
-- what their tenants count, and when those that ended are to go.

-- Jobs of a block, whosever they are, that go the same way.
local function go(q, moves, was, now, goes, place, bits)
  if goes then ended.enter(q, now, goes, place, bits) end
  local from, to = index.class(was), index.class(now)
  if from == to then return end
  if from then index.note(moves.left, from, place, bits) end
  if to then index.note(moves.joined, to, place, bits) end
end

local function collect(q, moves)
  local touched, was, now, goes, place, bits = q.touched, nil, nil, nil, nil, 0
  for i = 1, #touched do
    local j = touched[i]
    local before, after, at = j.was, not j.gone and j.status, j.seq % index.block
    if before ~= after then
      if place ~= j.seq - at or was ~= before or now ~= after or goes ~= j.goes then
        go(q, moves, was, now, goes, place, bits)
        was, now, goes, place, bits = before, after, j.goes, j.seq - at, 0
      end
      bits = bits + marks.bits[at]
    end
  end
  go(q, moves, was, now, goes, place, bits)
end

function index.flush(q)
  local moves = { left = {}, joined = {} }
  collect(q, moves)
  for class, places in pairs(moves.left) do marks.take_out(index.of_class(q, class), places) end
  for class, places in pairs(moves.joined) do marks.put_in(index.of_class(q, class), places) end
  index.flush_tenants(q)
  blocks.flush(q)
end
