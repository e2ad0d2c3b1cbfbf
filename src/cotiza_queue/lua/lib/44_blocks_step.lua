-- Jobs by blocks from the newest on: everybody's, a tenant's, those of a class, or a tenant's of a class. One step looks
-- at a few blocks.
blocks.most = 64

-- Where to look: `key` says in which blocks, `other`, if there are two, which of their jobs besides. The smaller one
-- leads.
function blocks.source(q, tenant_id, status)
  local mine = tenant_id ~= '' and index.of_tenant(q, tenant_id)
  local class = status ~= '' and index.of_class(q, index.class(status))
  if not mine and not class then return { key = q.prefix .. 'index', all = true } end
  if not mine or not class then return { key = mine or class } end
  local of_mine, of_class = redis.call('ZCARD', mine), redis.call('ZCARD', class)
  if of_class < of_mine then return { key = class, other = mine, size = of_class } end
  return { key = mine, other = class, size = of_mine }
end

-- The first `n` members before a place: [place, bits] of each, those of the last one's block all, and whether that is
-- the end.
local function rows_of(from, below, n)
  local top, rows = below < math.huge and string.format('(%.0f', below) or '+inf', {}
  local found = redis.call('ZREVRANGEBYSCORE', from.key, top, '-inf', 'WITHSCORES', 'LIMIT', 0, n)
  for i = 1, #found, 2 do
    local place, bits = tonumber(found[i + 1]), from.all and marks.all or marks.of(found[i])
    if rows[1] and rows[#rows][1] == place then
      rows[#rows][2] = bit.bor(rows[#rows][2], bits)
    else
      rows[#rows + 1] = { place, bits }
    end
  end
  local last = rows[#rows]
  if last and not from.all then last[2] = marks.at(from.key, last[1]) end
  return rows, #found < 2 * n
end

-- Ids, where to go on, nil if nothing is there, and how many blocks and jobs were looked at.
function blocks.step(q, from, below, n)
  local ids, rows, over = {}, rows_of(from, below, n)
  for _, row in ipairs(rows) do
    local bits = from.other and bit.band(row[2], marks.at(from.other, row[1])) or row[2]
    if bits ~= 0 then blocks.ids(q, row[1], bits, ids) end
  end
  return ids, not over and rows[#rows][1] or nil, #rows + #ids
end
