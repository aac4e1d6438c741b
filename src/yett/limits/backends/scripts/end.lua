-- The end of a call that was admitted: its places are free, and what it brought is counted.
--
-- KEYS: the epoch; the caller's breaker; the places; the rates that have something to add.
-- ARGV: epoch, when it was born in debt, id of the call, number of places, what becomes of the probe
--       (`-`: it was none; `f`: it counts as failed until its verdict; `u`: it never was sent), cooldown,
--       then for each rate: microseconds to add (less than 0: to give back) and microseconds of room.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('EPOCH is another one')
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local born, id, places = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
for index = 1, places do
    redis.call('ZREM', KEYS[2 + index], id)
end
if ARGV[5] ~= '-' and redis.call('HGET', KEYS[2], 'probe') == id then
    redis.call('HDEL', KEYS[2], 'probe_until')
    if ARGV[5] == 'u' then
        redis.call('HDEL', KEYS[2], 'probe')
    else
        redis.call('HSET', KEYS[2], 'open_until', string.format('%.0f', now + tonumber(ARGV[6]) * 1000000))
    end
end
for index = 1, #KEYS - 2 - places do
    local key = KEYS[2 + places + index]
    local add, room = tonumber(ARGV[5 + 2 * index]), tonumber(ARGV[6 + 2 * index])
    local found = tonumber(redis.call('GET', key))
    local empty = found or (born > 0 and born + room or 0)
    if add > 0 and empty < now then empty = now end
    if add > 0 or found then
        empty = empty + add
        local lives = math.ceil((empty - now) / 1000) + 1000
        if lives > 0 then
            redis.call('SET', key, string.format('%.0f', empty), 'PX', string.format('%.0f', lives))
        end
    end
end
return redis.status_reply('OK')
