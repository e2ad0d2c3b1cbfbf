-- Jobs by blocks from the newest on: everybody's, a tenant's, those of a class, or a tenant's of a class. One step looks
-- at a few blocks.
blocks.most = 64

-- Where to look: `key`, and the record of `t`, say in which blocks; `also`, if there are two, which of their jobs besides.
-- The smaller one leads.
function blocks.source(q, tenant_id, status)
  local t = tenant_id ~= '' and tenant.open(q, tenant_id)
  local class = status ~= '' and index.of_class(q, index.class(status))
  if not t and not class then return { key = q.prefix .. 'index', all = true } end
  local mine, of_class = t and index.of_tenant(q, t.name), function(place) return marks.at(class, place) end
  local of_mine = function(place) return newest.at(q, t, place) end
  if not class then return { key = mine, t = t, at = of_mine } end
  if not t then return { key = class, at = of_class } end
  local n, of_all = redis.call('ZCARD', mine) + #newest.rows(t), redis.call('ZCARD', class)
  if of_all < n then return { key = class, at = of_class, also = of_mine, size = of_all } end
  return { key = mine, t = t, at = of_mine, also = of_class, size = n }
end

-- The newest `n` of some rows, [place, bits] each, two of a place as one; and whether these are all.
local function put_in_order(rows, n)
  table.sort(rows, function(a, b) return a[1] > b[1] end)
  local kept = {}
  for _, row in ipairs(rows) do
    local last = kept[#kept]
    if last and last[1] == row[1] then
      last[2] = bit.bor(last[2], row[2])
    elseif #kept == n then
      return kept, false
    else
      kept[#kept + 1] = row
    end
  end
  return kept, true
end

-- The first `n` rows before a place, those of the last one's block all, and whether that is the end.
local function rows_of(from, below, n)
  local top, rows = below < math.huge and string.format('(%.0f', below) or '+inf', {}
  local found = redis.call('ZREVRANGEBYSCORE', from.key, top, '-inf', 'WITHSCORES', 'LIMIT', 0, n)
  for i = 1, #found, 2 do rows[#rows + 1] = { tonumber(found[i + 1]), from.all and marks.all or marks.of(found[i]) } end
  local least = #rows == n and rows[n][1] or 0 -- before that, the set may have others
  for _, row in ipairs(from.t and newest.rows(from.t) or {}) do
    if row[1] < below and row[1] >= least then rows[#rows + 1] = row end
  end
  local kept, whole = put_in_order(rows, n)
  local last = kept[#kept]
  if last and from.at then last[2] = from.at(last[1]) end
  return kept, whole and #found < 2 * n
end

-- Ids, where to go on, nil if nothing is there, and how many blocks and jobs were looked at.
function blocks.step(q, from, below, n)
  local ids, rows, over = {}, rows_of(from, below, n)
  for _, row in ipairs(rows) do
    local bits = from.also and bit.band(row[2], from.also(row[1])) or row[2]
    if bits ~= 0 then blocks.ids(q, row[1], bits, ids) end
  end
  return ids, not over and rows[#rows][1] or nil, #rows + #ids
end
