using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Node.Identity;
using Stoa.Node.Messages;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Messages;

/// <summary>Kills a process that sends, receives and acknowledges, at any moment, and looks at what is left.</summary>
[Trait("speed", "slow")]
public sealed class MailboxCrashTests
{
    private const string FolderVariable = "STOA_TEST_MAILBOX_CRASH_FOLDER";
    private const int Kills = 4;
    private const int Senders = 4;
    private const int Receivers = 3;
    private static readonly MailboxAddress s_address = MailboxAddress.Parse("owner/jobs");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_KilledAtAnyMoment_LosesNothingThatWasSentAndKeepsNothingThatWasAcknowledged()
    {
        await using var source = new SqliteSource();
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var (sent, begun, acknowledged) = (new HashSet<string>(), new HashSet<string>(), new HashSet<string>());
        for (var kill = 0; kill < Kills; kill++)
        {
            await WorkUntilKilledAsync(source.Folder, random.Next(10, 400), sent, begun, acknowledged);
            await using var database = await source.OpenAsync();
            var (there, messages, bytes, sum) = await database.ReadAsync(
                async session => (
                    await session.QueryAsync<string>("SELECT id FROM mailbox_messages"),
                    await session.QuerySingleAsync<long>("SELECT messages FROM mailboxes"),
                    await session.QuerySingleAsync<long>("SELECT bytes FROM mailboxes"),
                    await session.QuerySingleAsync<long>("SELECT COALESCE(SUM(bytes), 0) FROM mailbox_messages")),
                Stop);
            var when = $"seed {seed}, kill {kill}";

            // One whose acknowledgement was under way may be there or not.
            sent.Except(begun).Except(there).ShouldBeEmpty(when);
            acknowledged.Intersect(there).ShouldBeEmpty(when);
            (messages, bytes).ShouldBe((there.Count, sum), when);
        }

        acknowledged.ShouldNotBeEmpty();
    }

    /// <summary>The process that is killed: run by the test above, by itself it has nothing to do.</summary>
    [Fact(Explicit = true)]
    public async Task WorkForever()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        Assert.SkipWhen(folder is null, $"Only the crash test runs this, with {FolderVariable} set.");
        var time = TimeProvider.System;
        await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder!), time, Stop);
        var (ids, options) = (new IdSource(time, new SecureRandom()), new MessagesOptions());
        var users = new SqlUserStore(database, ids, TestCell.Key);
        var store = new SqlMailboxStore(database, options);
        var messages = new SqlMessages(database, new MailboxBell(database, time, NullLogger<MailboxBell>.Instance), options, ids, new SecureRandom(), time);
        var owner = await UserAsync("owner");
        var mailbox = await store.FindAsync(owner, "jobs", Stop)
            ?? (await store.AddAsync(new Mailbox(ids.Next<Mailbox>(), owner, "jobs", SenderRule.Anyone, 1, 100, 3_600, time.GetUtcNow()), [], Stop)).Value;
        await using var output = Console.OpenStandardOutput();
        var sending = Enumerable.Range(0, Senders).Select(number => Task.Run(async () =>
        {
            var sender = await UserAsync($"sender{number}");
            while (true)
            {
                if ((await messages.SendAsync(s_address, sender, [new NewMessage("hello"u8.ToArray(), MessageRules.Bytes)], Stop)).TryGet(out var sent, out _))
                    Say("sent", sent[0].Id);
            }
        }));
        var receiving = Enumerable.Range(0, Receivers).Select(_ => Task.Run(async () =>
        {
            while (true)
            {
                var got = await messages.ReceiveAsync(mailbox, 10, TimeSpan.FromSeconds(1), Stop);
                foreach (var delivery in got)
                    Say("begun", delivery.Message.Id);
                var done = await messages.AcknowledgeAsync(mailbox.Id, [.. got.Select(delivery => new DeliveryMark(delivery.Message.Id, delivery.Token))], Stop);
                foreach (var (delivery, _) in got.Zip(done).Where(one => one.Second is null))
                    Say("acknowledged", delivery.Message.Id);
            }
        }));
        await Task.WhenAll([.. sending, .. receiving]);

        async Task<Id<User>> UserAsync(string handle) => (await database.ReadAsync(
                session => session.QueryFirstOrDefaultAsync<Id<User>?>("SELECT id FROM users WHERE handle = @handle", new { handle }), Stop))
            ?? (await users.AddAsync(new StoredUser(new User(ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, time.GetUtcNow()), "hash"), Stop)).Value.Id;

        void Say(string word, Id<Message> id)
        {
            var line = Encoding.ASCII.GetBytes($"{word} {id}\n");
            lock (output)
                output.Write(line);
        }
    }

    private static async Task WorkUntilKilledAsync(string folder, int count, HashSet<string> sent, HashSet<string> begun, HashSet<string> acknowledged)
    {
        var program = Path.ChangeExtension(typeof(MailboxCrashTests).Assembly.Location, OperatingSystem.IsWindows() ? ".exe" : null);
        var start = new ProcessStartInfo(program, ["-explicit", "only", "-method", $"{typeof(MailboxCrashTests).FullName}.{nameof(WorkForever)}", "-noColor", "-noLogo"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment[FolderVariable] = folder;
        using var process = Process.Start(start)!;
        var said = new StringBuilder();
        var left = count;
        try
        {
            // What was said before the kill counts, also what is still in the pipe after it.
            while (await process.StandardOutput.ReadLineAsync(Stop) is { } line)
            {
                var set = line.Split(' ') switch
                {
                    ["sent", _] => sent,
                    ["begun", _] => begun,
                    ["acknowledged", _] => acknowledged,
                    _ => null,
                };
                if (set is null)
                    said.AppendLine(line);
                else if (set.Add(line.Split(' ')[1]) && set == acknowledged && --left == 0)
                    process.Kill();
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }

        left.ShouldBeLessThanOrEqualTo(0, said.ToString());
    }
}
