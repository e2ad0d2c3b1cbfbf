-- The bits of new jobs, by tenant. Most tenants of a call have theirs in one block, whose place and bits are one number
-- (`first`); where there are more blocks, these are in `more`. `names`: in the order in which they came.
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

function index.come(came, name, place, bits)
  local first = came.first[name]
  if not first then
    came.names[#came.names + 1], came.first[name] = name, place * shift + bits
  elseif first - first % shift == place * shift then
    came.first[name] = first + bits
  else
    index.note(came.more, name, place, bits)
  end
end

-- What was written last: tenants that take turns share a block, and have a job each.
local last, score, head
local TEXT = {}
local function text_of(bits)
  TEXT[bits] = string.format('%x', bits)
  return TEXT[bits]
end

local function enter(key, place, bits)
  if place ~= last then last, score, head = place, string.format('%.0f', place), string.format('%x ', place) end
  redis.call('ZADD', key, score, head .. (TEXT[bits] or text_of(bits)))
end

function index.enter_all(q, came)
  for i = 1, #came.names do
    local name = came.names[i]
    local bits = came.first[name] % shift
    local key, place, places = index.of_tenant(q, name), (came.first[name] - bits) / shift, came.more[name]
    if places then
      places[place] = bits
      marks.put_in(key, places)
    else
      enter(key, place, bits)
    end
  end
end
