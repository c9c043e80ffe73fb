using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Identity;
using Stoa.Node.Messages;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Messages through one mailbox: sent, received and acknowledged, each step durable before it is answered.</summary>
internal static class MessagesBench
{
    private const int Senders = 16;
    private const int Receivers = 16;
    private const int Batch = 10;
    private const int BodyBytes = 200;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_measured = TimeSpan.FromSeconds(6);

    public static IReadOnlyList<string> Parts { get; } = ["embedded", "postgres"];

    public static async Task<Figures> RunAsync(BenchmarkRun run, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        if (run.Wants("embedded"))
            await AddEmbeddedAsync(figures, run, cancellationToken);
        if (run.Wants("postgres"))
        {
            await using var server = await PostgresServer.StartAsync();
            if (server is null)
            {
                run.Warn("PostgreSQL is not installed: its figures are left out");
                return figures;
            }

            var connection = await server.CreateDatabaseAsync("messages", cancellationToken);
            await using var database = await Database.OpenAsync(
                new StorageOptions(StorageProvider.Postgres, ConnectionString: connection), TimeProvider.System, cancellationToken);
            await MeasureAsync(database, "postgres", "_postgres", figures, run, cancellationToken);
        }

        return figures;
    }

    /// <summary>Adds the figures of the embedded database.</summary>
    public static async Task AddEmbeddedAsync(Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("stoa-bench-");
        try
        {
            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder.FullName), TimeProvider.System, cancellationToken);
            await MeasureAsync(database, "embedded", "", figures, run, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task MeasureAsync(Database database, string profile, string suffix, Figures figures, BenchmarkRun run, CancellationToken cancellationToken)
    {
        var (time, ids, options) = (TimeProvider.System, new IdSource(TimeProvider.System, new SecureRandom()), new MessagesOptions());
        using var bell = new MailboxBell(database, time, NullLogger<MailboxBell>.Instance);
        var messages = new SqlMessages(database, bell, options, ids, new SecureRandom(), time);
        // Nobody signs in with them: the key only seals what they would have.
        var users = new SqlUserStore(database, ids, new CellKey(new byte[CellKey.SizeBytes]));
        var owner = await UserAsync("owner");
        var mailbox = (await new SqlMailboxStore(database, options).AddAsync(
            new Mailbox(ids.Next<Mailbox>(), owner, "jobs", SenderRule.Anyone, MessageRules.DefaultVisibilitySeconds, MessageRules.DefaultMaxDeliveries, MessageRules.DefaultRetentionSeconds, time.GetUtcNow()),
            [],
            cancellationToken)).Value;
        var address = MailboxAddress.Of("owner", mailbox.Name)!;
        List<Id<User>> senders = [];
        for (var number = 0; number < Senders; number++)
            senders.Add(await UserAsync($"sender{number}"));

        run.Tell($"{profile}: {Senders} senders and {Receivers} receivers, batches of {Batch}, {s_measured.TotalSeconds:0} s");
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (acknowledged, waiting) = (0L, 0L);
        // As long as a receiver keeps up nobody waits; where it does not, senders wait for it, so that what is counted went all the way.
        var most = (long)Senders * Batch * 8;
        var working = senders.Select(sender => Task.Run(async () =>
        {
            var batch = Enumerable.Range(0, Batch).Select(_ => new NewMessage(new byte[BodyBytes], MessageRules.Bytes)).ToArray();
            while (!ending.IsCancellationRequested)
            {
                if (Interlocked.Read(ref waiting) > most)
                {
                    await Task.Delay(1, CancellationToken.None);
                    continue;
                }

                Interlocked.Add(ref waiting, Batch);
                if ((await messages.SendAsync(address, sender, batch, cancellationToken)).Refusal is { } refusal)
                    throw new BenchmarkException($"A message was refused: {refusal.Code}: {refusal.Detail}");
            }
        })).Concat(Enumerable.Range(0, Receivers).Select(_ => Task.Run(async () =>
        {
            while (!ending.IsCancellationRequested)
            {
                var got = await messages.ReceiveAsync(mailbox, Batch, TimeSpan.FromSeconds(mailbox.VisibilitySeconds), cancellationToken);
                if (got.Count == 0)
                {
                    await Task.Delay(1, CancellationToken.None);
                    continue;
                }

                foreach (var refusal in await messages.AcknowledgeAsync(mailbox.Id, [.. got.Select(delivery => new DeliveryMark(delivery.Message.Id, delivery.Token))], cancellationToken))
                {
                    if (refusal is not null)
                        throw new BenchmarkException($"An acknowledgement was refused: {refusal.Code}: {refusal.Detail}");
                }

                Interlocked.Add(ref waiting, -got.Count);
                Interlocked.Add(ref acknowledged, got.Count);
            }
        }))).ToList();

        await Task.WhenAny(Task.Delay(s_warmUp, cancellationToken), Task.WhenAll(working));
        var (before, cpu, began) = (Interlocked.Read(ref acknowledged), Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
        await Task.WhenAny(Task.Delay(s_measured, cancellationToken), Task.WhenAll(working));
        var (count, seconds, used) = (Interlocked.Read(ref acknowledged) - before, Stopwatch.GetElapsedTime(began).TotalSeconds, Environment.CpuUsage.TotalTime - cpu);
        await ending.CancelAsync();
        await Task.WhenAll(working);
        cancellationToken.ThrowIfCancellationRequested();
        if (count == 0)
            throw new BenchmarkException("No message was acknowledged.");
        figures.Add("messages_per_s" + suffix, count / seconds);
        figures.Add("message_cpu_us" + suffix, used.TotalMicroseconds / count);

        async Task<Id<User>> UserAsync(string handle) => (await users.AddAsync(
            new StoredUser(new User(ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, time.GetUtcNow()), "none"), cancellationToken)).Value.Id;
    }
}
