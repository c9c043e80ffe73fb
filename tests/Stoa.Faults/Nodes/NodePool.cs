namespace Stoa.Faults.Nodes;

/// <summary>The nodes of a run, each in one life after another.</summary>
internal sealed class NodePool(IReadOnlyList<NodePlace> places, Watchdog watchdog, CancellationToken stop) : IAsyncDisposable
{
    private const int MostStarts = 3;

    // What a node says that cannot start for that.
    private const string DatabaseWentAway = "The connection to the database broke";

    private readonly NodeProcess?[] _lives = new NodeProcess?[places.Count];
    private readonly List<double> _startMs = [];

    public int Count => places.Count;

    /// <summary>How long starts took, from the process to when it listened.</summary>
    public IReadOnlyCollection<double> StartMs => _startMs;

    public NodeProcess this[int index] => _lives[index] ?? throw new InvalidOperationException($"Node {index} was not started.");

    /// <summary>How many are up.</summary>
    public int UpCount => _lives.Count(life => life is { IsUp: true });

    /// <summary>The number of one that is up, by this chance.</summary>
    public int PickUp(Random random)
    {
        var up = Enumerable.Range(0, _lives.Length).Where(index => _lives[index] is { IsUp: true }).ToList();
        return up[random.Next(up.Count)];
    }

    /// <summary>One that is up, by chance; null when none is.</summary>
    public NodeProcess? Pick()
    {
        var first = Random.Shared.Next(_lives.Length);
        for (var step = 0; step < _lives.Length; step++)
        {
            if (_lives[(first + step) % _lives.Length] is { IsUp: true } life)
                return life;
        }

        return null;
    }

    /// <summary>Starts the process of a node, and does not wait for it.</summary>
    public async Task<NodeProcess> LaunchAsync(int index)
    {
        if (_lives[index] is { } before)
            await before.DisposeAsync();
        return _lives[index] = NodeProcess.Launch(places[index], watchdog);
    }

    /// <summary>Waits until a node that was launched takes requests. One whose database went away while it started says so and ends; it is started again, as whoever looks after nodes does.</summary>
    public async Task ListensAsync(int index)
    {
        for (var starts = 1; !await TryListensAsync(index); starts++)
        {
            var said = await TailAsync(places[index].LogFile);
            if (starts == MostStarts || !said.Contains(DatabaseWentAway, StringComparison.Ordinal))
                throw new FaultException($"Node {index} ended at its start: {said}");
            await LaunchAsync(index);
        }
    }

    /// <summary>Waits until a node that was launched takes requests; false when it ended instead.</summary>
    public async Task<bool> TryListensAsync(int index)
    {
        var life = this[index];
        if (!await life.ListensAsync(ReadAdminKey, stop))
            return false;
        lock (_startMs)
            _startMs.Add(life.StartMs);
        return true;
    }

    public async Task StartAsync(int index)
    {
        await LaunchAsync(index);
        await ListensAsync(index);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var life in _lives.OfType<NodeProcess>())
            await life.DisposeAsync();
    }

    // Of the nodes of a cell the first one has made the key.
    private string ReadAdminKey() => File.ReadAllText(Path.Combine(places[0].Folder, "admin.key")).Trim();

    private static async Task<string> TailAsync(string file) => string.Join(" ", (await File.ReadAllLinesAsync(file)).TakeLast(5));
}
