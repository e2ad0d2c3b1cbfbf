-- Jobs that came, went, or have another class than when the call read them: their indexes follow at its end, as does
-- what their tenants count: `there`, the jobs that have not ended.
local OPEN = { open = 1, delayed = 1, blocked = 1 }

-- Bits by place, of a class or of a tenant.
local function note(changes, name, place, bits)
  local places = changes[name]
  if not places then
    places = {}
    changes[name] = places
  end
  places[place] = (places[place] or 0) + bits
end

local function go(q, moves, j, from, to)
  local at = j.seq % index.block
  local place, bits, n = j.seq - at, marks.bits[at], (OPEN[to] or 0) - (OPEN[from] or 0)
  if from then note(moves.left, from, place, bits) else note(moves.came, j.tenant, place, bits) end
  if to then note(moves.joined, to, place, bits) else note(moves.went, j.tenant, place, bits) end
  if n ~= 0 then tenant.add(q.tenants[j.tenant] or tenant.open(q, j.tenant), 'there', n) end
end

local function write(q, moves)
  for class, places in pairs(moves.left) do marks.take_out(index.of_class(q, class), places) end
  for class, places in pairs(moves.joined) do marks.put_in(index.of_class(q, class), places) end
  for name, places in pairs(moves.went) do marks.take_out(index.of_tenant(q, name), places) end
  for name, places in pairs(moves.came) do marks.put_in(index.of_tenant(q, name), places) end
end

function index.flush(q)
  local moves = { left = {}, joined = {}, came = {}, went = {} }
  for _, j in ipairs(q.moved) do
    local was, now = j.was, not j.gone and j.status
    if was ~= now then
      local from, to = index.class(was), index.class(now)
      if from ~= to then go(q, moves, j, from, to) end
      j.was = now
    end
  end
  q.moved = {}
  write(q, moves)
  blocks.flush(q)
end
