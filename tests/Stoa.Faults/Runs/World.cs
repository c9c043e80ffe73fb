using System.Diagnostics;
using Npgsql;
using Stoa.Client.Contracts;
using Stoa.Faults.Books;
using Stoa.Faults.Load;
using Stoa.Faults.Nodes;
using Stoa.Node.Storage;

namespace Stoa.Faults.Runs;

/// <summary>Nodes at work: consumers who submit, schedules that tick, a receiver of webhooks, and an eye on the database. Faults are made to it.</summary>
internal sealed class World : IAsyncDisposable
{
    private const int SubmittersOfNode = 8;
    private const int Schedules = 5;
    private const int MinutesWithClock = 10;
    private const string DiskLog = "node.log";

    private static readonly TimeSpan s_longestEnd = TimeSpan.FromMinutes(3);

    // Nodes that notice one after the other that the clock was set back look twice, ten seconds apart.
    private static readonly TimeSpan s_longestSettling = TimeSpan.FromSeconds(20);

    private readonly RunContext _context;
    private readonly string _folder;
    private readonly StorageOptions _storage;
    private readonly CancellationToken _stop;
    private readonly List<string> _schedules = [];
    private readonly List<string> _holders = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly bool _hasClock;
    private Task _submitting = Task.CompletedTask;
    private WebhookReceiver? _receiver;
    private People? _people;

    private World(RunContext context, string folder, StorageOptions storage, IReadOnlyList<NodePlace> places, Watchdog watchdog, CancellationToken stop)
    {
        (_context, _folder, _storage, _stop, Watchdog) = (context, folder, storage, stop, watchdog);
        _hasClock = places[0].ClockFile is not null;
        Random = new Random(context.Seed);
        Nodes = new NodePool(places, watchdog, stop);
        Eye = new DatabaseEye(storage);
        Interrupted = new InterruptedTasks(Eye, context.Within, context.Report);
        Submitters = new Submitters(Nodes, Eye, WorkMix.All, context.Seed, context.Report);
    }

    public Random Random { get; }

    // A clock that jumps by an hour brings many ticks at once.
    private int TickMinutes => _hasClock ? MinutesWithClock : 1;

    public NodePool Nodes { get; }

    public DatabaseEye Eye { get; }

    public InterruptedTasks Interrupted { get; }

    public Submitters Submitters { get; }

    public Watchdog Watchdog { get; }

    /// <summary>The server of a cell.</summary>
    public PostgresServer? Postgres { get; private init; }

    /// <summary>The disk of a node that has a small one.</summary>
    public SmallDisk? Disk { get; private init; }

    /// <summary>The file that moves the clock of the first node, where that was asked for.</summary>
    public string ClockFile => Path.Combine(_folder, "clock");

    /// <summary>One node on SQLite.</summary>
    public static async Task<World> StartEmbeddedAsync(RunContext context, CancellationToken stop, bool hasClock = false, int diskMegabytes = 0)
    {
        var (folder, watchdog) = NewFolder();
        try
        {
            var disk = diskMegabytes == 0 ? null : await SmallDisk.MountAsync(Path.Combine(folder, "disk"), diskMegabytes, watchdog);
            var place = Place(folder, 0, disk?.Folder, hasClock, []);
            var world = new World(context, folder, new StorageOptions(DataFolder: place.Folder), [place], watchdog, stop) { Disk = disk };
            await world.StartAsync();
            return world;
        }
        catch
        {
            await watchdog.DisposeAsync();
            throw;
        }
    }

    /// <summary>Some nodes on one PostgreSQL.</summary>
    public static async Task<World> StartCellAsync(RunContext context, int count, CancellationToken stop, bool hasClock = false)
    {
        var (folder, watchdog) = NewFolder();
        try
        {
            var serverFolder = folder + "-pg";
            var postgres = await PostgresServer.StartAsync(serverFolder, watchdog);
            var storage = new StorageOptions(StorageProvider.Postgres, ConnectionString: postgres.ConnectionString);
            var places = Enumerable.Range(0, count)
                .Select(index => Place(folder, index, null, hasClock && index == 0, ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", postgres.ConnectionString]))
                .ToList();
            var world = new World(context, folder, storage, places, watchdog, stop) { Postgres = postgres };
            await world.StartAsync();
            return world;
        }
        catch
        {
            await watchdog.DisposeAsync();
            throw;
        }
    }

    /// <summary>kill -9; what the node was working on is taken note of.</summary>
    public async Task KillAsync(int index)
    {
        var isAlone = _storage.Provider is StorageProvider.Sqlite;
        if (isAlone)
            await Eye.ShutAsync();
        await Nodes[index].KillAsync();
        Interrupted.Add(await ListRunningAsync(index));
    }

    /// <summary>What a node is working on, with the tokens of its leases.</summary>
    public Task<IReadOnlyDictionary<string, long>> ListRunningAsync(int index) => Eye.ListRunningAsync(_holders[index], _stop);

    /// <summary>Waits until every schedule ticks again within two periods of the latest clock that a node has, and reports those that sleep for longer.</summary>
    /// <param name="ahead">By how much the clock of the first node is ahead of the others'.</param>
    public async Task UntilSchedulesTickAsync(TimeSpan ahead)
    {
        // The other nodes of a cell have the right time; of a node alone nobody else's counts.
        var latest = Nodes.Count > 1 && ahead < TimeSpan.Zero ? TimeSpan.Zero : ahead;
        var since = Stopwatch.GetTimestamp();
        long? sleeping;
        while ((sleeping = await Eye.TryCountAsync($"SELECT COUNT(*) FROM schedules WHERE next_tick > {UntilMs()}", _stop)) is not 0)
        {
            if (Stopwatch.GetElapsedTime(since) > s_longestSettling)
            {
                _context.Report.Break($"{sleeping} schedules sleep for more than two periods though the clock was set to {ahead.TotalHours} hours ahead.");
                return;
            }

            await Task.Delay(50, _stop);
        }

        long UntilMs() => (DateTimeOffset.UtcNow + latest + TimeSpan.FromMinutes(2 * TickMinutes)).ToUnixTimeMilliseconds();
    }

    /// <summary>Has the work come to its end, stops the nodes, and goes through the books.</summary>
    public async Task FinishAsync()
    {
        var report = _context.Report;
        _context.Tell($"{Submitters.Items.Count} submissions begun; waiting for the end of all");
        Eye.Open();
        // What was put off by a clock that was ahead is due by then.
        var ahead = _hasClock ? TimeSpan.FromHours(1) : TimeSpan.Zero;
        if (_hasClock)
            ShiftedNode.Shift(ClockFile, ahead);
        var client = Nodes[0].Client;
        Submitters.Finish();
        // A tick that was submitted by a clock ahead, by a node that ended before it could write so, is written when it is due.
        await UntilNoneAsync($"SELECT COUNT(*) FROM schedules WHERE next_tick <= {(DateTimeOffset.UtcNow + ahead).ToUnixTimeMilliseconds()}", "schedules have a tick that is due");
        // A hundred missed ticks take a while, and what came of them is written when all are made.
        await UntilNoneAsync("SELECT COUNT(*) FROM schedules WHERE lease_token IS NOT NULL", "schedules are being looked at");
        foreach (var schedule in _schedules)
            await client.UpdateScheduleAsync(schedule, new UpdateScheduleRequest(Paused: true), _stop);
        await UntilNoneAsync($"SELECT COUNT(*) FROM subscriptions WHERE due_at <= {(DateTimeOffset.UtcNow + ahead).ToUnixTimeMilliseconds()}", "plans were not renewed");
        var ending = Stopwatch.GetTimestamp();
        try
        {
            await _submitting.WaitAsync(s_longestEnd, _stop);
            await UntilNoneAsync(DatabaseEye.OpenTasks, "tasks are open");
            await UntilNoneAsync("SELECT COUNT(*) FROM events WHERE sequence > (SELECT sequence FROM webhook_cursor) AND type IN ('stoa.task.failed', 'stoa.task.cancelled', 'stoa.batch.ended')", "events were not taken up by the webhook");
            await UntilNoneAsync("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'Pending'", "webhook deliveries are pending");
        }
        catch (TimeoutException)
        {
            report.Break($"Some submissions were not answered within {s_longestEnd.TotalSeconds} s.");
        }

        report.Add("ending_seconds", Stopwatch.GetElapsedTime(ending).TotalSeconds);
        for (var index = 0; index < Nodes.Count; index++)
        {
            if (await Nodes[index].StopAsync(_stop) is not 0 and var code)
                report.Break($"Node {index} stopped with exit code {code}.");
        }

        report.Add("seconds", Stopwatch.GetElapsedTime(_began).TotalSeconds);
        _context.Tell("going through the books");
        await CheckAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Nodes.DisposeAsync();
        if (_receiver is not null)
            await _receiver.DisposeAsync();
        _people?.Dispose();
        Eye.Dispose();
        NpgsqlConnection.ClearAllPools();
        if (_context.Report.Broken.Count > 0)
        {
            await File.WriteAllTextAsync(Path.Combine(_folder, "keep"), "");
            if (Disk is not null && File.Exists(Path.Combine(Disk.Folder, DiskLog)))
                File.Copy(Path.Combine(Disk.Folder, DiskLog), Path.Combine(_folder, "node-0.log"), overwrite: true);
            _context.Tell($"what the nodes said and kept is in {_folder}");
        }

        await Watchdog.DisposeAsync();
    }

    private async Task StartAsync()
    {
        await Nodes.StartAsync(0);
        await Task.WhenAll(Enumerable.Range(1, Nodes.Count - 1).Select(Nodes.StartAsync));
        for (var index = 0; index < Nodes.Count; index++)
            _holders.Add((await Nodes[index].Client.GetNodeAsync(_stop)).PeerId + "/");
        var client = Nodes[0].Client;
        await Agents.PublishAsync(client, _stop);
        for (var index = 1; index < Nodes.Count; index++)
            await Agents.UntilKnownAsync(Nodes[index].Client, _stop);
        _receiver = await WebhookReceiver.StartAsync(_context.Report);
        await client.CreateWebhookAsync(new CreateWebhookRequest(_receiver.Url, ToldAudit.Types), _stop);
        _people = await People.JoinAsync(Nodes[0], Eye, Postgres is not null, _receiver.Url, _context.Report, _stop);
        for (var schedule = 0; schedule < Schedules; schedule++)
            _schedules.Add((await client.CreateScheduleAsync(new CreateScheduleRequest(TickMinutes == 1 ? "* * * * *" : $"*/{TickMinutes} * * * *", Agents.Scheduled, Missed: "runAll"), _stop)).Id);
        _submitting = Submitters.RunAsync(SubmittersOfNode * Nodes.Count, _people.Consumers, _stop);
    }

    private async Task UntilNoneAsync(string sql, string what)
    {
        var since = Stopwatch.GetTimestamp();
        long? count;
        while ((count = await Eye.TryCountAsync(sql, _stop)) is not 0)
        {
            if (Stopwatch.GetElapsedTime(since) > s_longestEnd)
            {
                _context.Report.Break($"{count} {what} after {s_longestEnd.TotalSeconds} s.");
                return;
            }

            await Task.Delay(50, _stop);
        }
    }

    private async Task CheckAsync()
    {
        var report = _context.Report;
        report.Add("points", _context.Made);
        report.Add("submitted", Submitters.Items.Count);
        report.Add("accepted", Submitters.Items.Count(item => item.Answer is not null));
        report.Add("calls", Submitters.Submissions);
        report.Add("calls_broken", Submitters.Broken);
        report.Add("calls_refused_for_now", Submitters.RefusedForNow);
        report.Add("calls_failed_inside", Submitters.InternalErrors);
        report.Add("calls_unauthorised", Submitters.Unauthorised);
        report.Add("sessions_refreshed", _people!.Consumers.Sum(consumer => consumer.Refreshed));
        report.Add("sessions_repeated", _people.Consumers.Sum(consumer => consumer.Repeated));
        report.Add("sessions_excused", _people.Consumers.Sum(consumer => consumer.Excused));
        report.Add("sessions_lost", _people.Consumers.Sum(consumer => consumer.Lost));
        await using (var database = await Database.OpenAsync(_storage, TimeProvider.System, _stop))
        {
            await new TaskAudit(database, report).CheckAsync(Submitters.Items, _stop);
            var told = new ToldAudit(database, report);
            await told.CheckWebhookAsync(_receiver!, _stop);
            await told.CheckSchedulesAsync(TimeSpan.FromMinutes(TickMinutes), _stop);
            if (_storage.Provider is StorageProvider.Sqlite)
            {
                var integrity = await database.ReadAsync(session => session.QuerySingleAsync<string>("PRAGMA integrity_check"), _stop);
                if (integrity != "ok")
                    report.Break($"SQLite's own check says: {integrity}");
            }
        }

        report.Add("interrupted", Interrupted.Count);
        report.AddSpread("resume_ms", Interrupted.ResumeMs);
        report.AddSpread("start_ms", Nodes.StartMs);
        // Of a node with a small disk the log shares its fate.
        var logs = Disk is null ? Directory.EnumerateFiles(_folder, "*.log") : Directory.EnumerateFiles(Disk.Folder, DiskLog);
        report.Add("lines_logged", logs.Sum(file => File.ReadLines(file).Count()));
    }

    private static NodePlace Place(string folder, int index, string? dataFolder, bool hasClock, IReadOnlyList<string> options)
    {
        var clockFile = hasClock ? Path.Combine(folder, "clock") : null;
        if (clockFile is not null)
            ShiftedNode.Shift(clockFile, TimeSpan.Zero);
        return new NodePlace(
            dataFolder ?? Path.Combine(folder, $"node-{index}"),
            Path.Combine(folder, $"node-{index}.log"),
            clockFile,
            [
                "--Webhooks:AllowHttp", "true", "--Webhooks:AllowPrivateAddresses", "true", "--Node:Region", Agents.Region,
                // Logs share the fate of the disk.
                .. dataFolder is null ? (string[])[] : ["--Observability:LogFile", Path.Combine(dataFolder, DiskLog)],
                .. options,
            ]);
    }

    private static (string Folder, Watchdog Watchdog) NewFolder()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-faults-").FullName;
        var watchdog = new Watchdog();
        watchdog.AtEnd($"[ -e '{folder}/keep' ] || rm -rf '{folder}'");
        return (folder, watchdog);
    }
}
