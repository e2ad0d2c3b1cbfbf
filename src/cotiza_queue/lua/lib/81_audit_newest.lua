-- The audit of what a tenant's record says besides its numbers (53_tenant_record.lua): of tenants, by their names.
function audit.newest(q, names)
  tenant.fetch(q, names)
  for _, name in ipairs(names) do
    local t = tenant.open(q, name)
    local said = t.text
    newest.keep(t, function(place, its) return bit.band(its, audit.marks_of(q, place, 'index', name)) ~= 0 end)
    -- Nobody is behind a lane that is not named.
    if not t.lane and string.find(t.text, '/', 1, true) then t.text = string.match(t.text, '^[^/]*') end
    if t.text ~= said then
      audit.say(q, 'dangling', 'tenant:' .. name, 'its record names jobs that are not there')
      t.changed = true -- written if this is to be put right
    end
  end
end
