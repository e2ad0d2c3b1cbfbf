-- A job that comes, goes, or carries other tags. Its class follows at the end of the call (56_index_move.lua).

function index.enter(q, j)
  local tags = j.options.tags
  blocks.enter(q, j)
  if tags then
    for _, tag in ipairs(tags) do late.zadd(q, index.tag(q, j.tenant, tag), j.seq, j.id) end
  end
end

-- The job is gone; of one that nobody could read, only the name was there.
function index.leave(q, j)
  if not j.seq then return end
  job.touch(q, j)
  blocks.leave(q, j)
  index.go(q, j)
  for _, tag in ipairs(j.options.tags or {}) do late.zrem(q, index.tag(q, j.tenant, tag), j.id) end
end

-- The job carries other tags from now on.
function index.retag(q, j, tags)
  for _, tag in ipairs(j.options.tags or {}) do late.zrem(q, index.tag(q, j.tenant, tag), j.id) end
  for _, tag in ipairs(tags or {}) do late.zadd(q, index.tag(q, j.tenant, tag), j.seq, j.id) end
end

-- Bits by place, of a class or of a tenant.
function index.note(changes, name, place, bits)
  local places = changes[name]
  if not places then
    places = {}
    changes[name] = places
  end
  places[place] = (places[place] or 0) + bits
end
