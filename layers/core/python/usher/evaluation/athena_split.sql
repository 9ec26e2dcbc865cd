-- Splits interactions in Athena as holdout.py does in memory; athena.py fills in what is in braces.
-- Each statement, or piece of one, stands below its name. Equal times are in the order of the item and then of all
-- other columns, as Athena knows no order of lines: so both parts, which are two queries, see the same order.
-- Names of its own begin with usher_, as there may be columns of any other name.

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
select *, cast(usher_place as double) / usher_size > {learnt} as usher_held from placed

-- last-one
select *, usher_place = usher_size and usher_size > 1 as usher_held from placed

-- global
select *, usher_time >= (
    select min(usher_time) from (
        select usher_time, cast(sum(count(*)) over (order by usher_time) as double) / sum(count(*)) over () as usher_share
        from events group by usher_time
    ) as usher_times
    where usher_share > {learnt}
) as usher_held from events

-- global with a cut
select *, usher_time >= {cut} as usher_held from events

-- cell
case when strpos({column}, ',') + strpos({column}, '"') + strpos({column}, '\') > 0
then '"' || replace(replace({column}, '\', '\\'), '"', '\"') || '"' else coalesce({column}, '') end

-- part
with events as (
    select * from (select {columns}, try_cast("timestamp" as double) as usher_time from {table}) as lines
    where usher_time is not null -- neither a header nor an empty line
), placed as (
    select *,
        row_number() over (partition by "user_id" order by usher_time, "item_id", {columns}) as usher_place,
        count(*) over (partition by "user_id") as usher_size
    from events
), parted as (
    {split}
)
select {line} as line from parted where {part}

-- unload
unload (select line from ({select}) as lines) to '{target}' with (format = 'TEXTFILE', compression = 'NONE')
