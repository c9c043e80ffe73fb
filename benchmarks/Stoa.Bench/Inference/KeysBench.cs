using System.Diagnostics;
using System.Globalization;
using Stoa.Faults.Nodes;
using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench.Inference;

/// <summary>A million API keys, each with limits a minute of its own, that ask a model once: what a node remembers of them is of the last ones.</summary>
internal static class KeysBench
{
    private const int Keys = 1_000_000;
    private const int KeysOfBatch = 10_000;
    private const int Connections = 32;
    private const int Seed = 17;

    // By the half of them as much is forgotten as comes.
    private static readonly (int Keys, string Name)[] s_moments = [(Keys / 10, "rss_mb_100k_keys"), (Keys / 2, "rss_mb_500k_keys"), (Keys, "rss_mb_1m_keys")];

    public static async Task AddAsync(BenchmarkRun run, Figures figures, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-").FullName;
        try
        {
            await using var watchdog = new Watchdog();
            var server = InferenceBench.StartStub(watchdog, StubServer.Word);
            string model;
            await using (var first = await NodeProcess.StartAsync(folder, cancellationToken))
            {
                model = await InferenceBench.PublishAsync(first, "keys", cancellationToken);
                await InferenceBench.RegisterAsync(first, model, server, cancellationToken);
            }

            run.Tell($"{Keys:N0} API keys");
            await MakeKeysAsync(folder, cancellationToken);
            await using var node = await NodeProcess.StartAsync(folder, ["--Http:ModelCallsPerMinute", "100000000"], cancellationToken);
            run.Tell("a request with each of them");
            var random = new Random(Seed);
            var (done, start) = (0, Stopwatch.GetTimestamp());
            foreach (var (keys, name) in s_moments)
            {
                await AskAsync(new Uri(node.Address, "v1/chat/completions"), model, random, keys - done, cancellationToken);
                done = keys;
                figures.Add(name, node.ResidentBytes / 1e6);
            }

            figures.Add("keys_requests_per_s", Keys / Stopwatch.GetElapsedTime(start).TotalSeconds);
            figures.Notes.Add("each key asks once, is looked up in the database, and has limits of its own: of calls a minute and of tokens");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Keys of the administrator's, more than anybody may make: behind the node's back.</summary>
    private static async Task MakeKeysAsync(string folder, CancellationToken cancellationToken)
    {
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, cancellationToken);
        var (random, ids) = (new Random(Seed), new IdSource(TimeProvider.System, new SecureRandom()));
        var user = await database.ReadAsync(session => session.QuerySingleAsync<Id<User>>("SELECT id FROM users WHERE handle = 'stoa'"), cancellationToken);
        for (var made = 0; made < Keys; made += KeysOfBatch)
        {
            var batch = Enumerable.Range(0, KeysOfBatch).Select(_ => ApiKeySecret.Create(random))
                .Select(secret => new { id = ids.Next<ApiKey>(), user, prefix = secret.Prefix, hash = secret.Hash, now = TimeProvider.System.GetUtcNow() }).ToList();
            await database.WriteAsync(
                session => session.ExecuteEachAsync(
                    """
                    INSERT INTO api_keys (id, user_id, name, prefix, secret_hash, created_at, maker_id, calls_per_minute, tokens_per_minute)
                    VALUES (@id, @user, 'bench', @prefix, @hash, @now, @user, 600, 100000)
                    """,
                    batch),
                cancellationToken);
        }
    }

    private static async Task AskAsync(Uri address, string model, Random random, int count, CancellationToken cancellationToken)
    {
        var body = $$"""{"model":"{{model}}","messages":[{"role":"user","content":"Say hello to the people who read this."}],"max_tokens":64}""";
        var (gate, left) = (new Lock(), count);
        string? NextKey()
        {
            lock (gate)
                return left-- > 0 ? ApiKeySecret.Create(random).Text : null;
        }

        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(
            async () =>
            {
                using var connection = await HttpLoad.Connection.OpenAsync(address, cancellationToken);
                while (NextKey() is { } key)
                    await connection.AskAsync(HttpLoad.Request(address, body, ("Authorization", string.Create(CultureInfo.InvariantCulture, $"Bearer {key}"))), cancellationToken);
            },
            cancellationToken)));
    }
}
