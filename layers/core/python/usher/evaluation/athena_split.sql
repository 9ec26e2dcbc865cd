-- Splits interactions in Athena as splits.py does in memory; athena_split.py fills in the braces.
-- Each statement, or part of one, is below its name. Athena has no order of lines: events of equal time are in the order
-- of the item and then of all other columns, so that the queries for both parts see the same order.
-- Names begin with usher_ if they are not columns of the file, as a file's columns may have any other name.

-- create
create external table if not exists {table} ({fields})
row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
with serdeproperties ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\\')
stored as inputformat 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
outputformat 'org.apache.hadoop.hive.ql.io.IgnoreKeyTextOutputFormat'
location '{manifest}'

-- drop
drop table if exists {table}

-- last-tenth
select *, cast(usher_rank as double) / usher_size > {train_share} as usher_held_out from ranked

-- last-one
select *, usher_rank = usher_size and usher_size > 1 as usher_held_out from ranked

-- global
select *, usher_time >= (
    select min(usher_time) from (
        select usher_time, cast(sum(count(*)) over (order by usher_time) as double) / sum(count(*)) over () as usher_share
        from events group by usher_time
    ) as usher_times
    where usher_share > {train_share}
) as usher_held_out from events

-- global with a cut
select *, usher_time >= {cut} as usher_held_out from events

-- cell
case when strpos({column}, ',') + strpos({column}, '"') + strpos({column}, '\') > 0
then '"' || replace(replace({column}, '\', '\\'), '"', '\"') || '"' else coalesce({column}, '') end

-- part
with events as (
    select * from (select {columns}, try_cast("timestamp" as double) as usher_time from {table}) as lines
    where usher_time is not null -- neither a header nor an empty line
), ranked as (
    select *,
        row_number() over (partition by "user_id" order by usher_time, "item_id", {columns}) as usher_rank,
        count(*) over (partition by "user_id") as usher_size
    from events
), labelled as (
    {split}
)
select {line} as line from labelled where {part}

-- unload
unload (select line from ({select}) as lines) to '{target}' with (format = 'TEXTFILE', compression = 'NONE')
