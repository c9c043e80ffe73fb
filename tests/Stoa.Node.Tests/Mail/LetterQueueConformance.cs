using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Identity;
using Stoa.Node.Identity;
using Stoa.Node.Mail;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Mail;

/// <summary>A letter is sent at least once, tried again when it may go later, and given up when it never will, on every database.</summary>
public abstract class LetterQueueConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    private readonly SettableTime _clock = new(s_now);
    private readonly IdSource _ids = new(TimeProvider.System, new SecureRandom());
    private readonly SmtpServer _server = new();
    private MailOptions _options = new();

    private SqlLetterQueue Queue => new(Database, _clock);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _options = new MailOptions { Host = "127.0.0.1", Port = _server.Port, Security = "none", From = "stoa@example.org", MaxAttempts = 3 };
    }

    public override async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Letter_IsWrittenWithItsActAndSentOnce()
    {
        var ada = await AddUserAsync("ada");
        await Should.ThrowAsync<TimeoutException>(() => Database.WriteAsync(
            async session =>
            {
                await Box().AddAsync(session, ada, _ => new LetterText("never", "never"), s_now);
                throw new TimeoutException();
            },
            Stop));
        await WriteAsync(ada);

        (await TurnAsync()).ShouldBe(1);
        (await TurnAsync()).ShouldBe(0);

        var came = await _server.TakeAsync(Stop);
        using var message = came.Read();
        (came.To, message.Subject, message.TextBody.ShouldNotBeNull().Trim()).ShouldBe(("ada@example.org", "Hello", "Dear ada"));
        _server.HasMore.ShouldBeFalse();
        (await Queue.NextDueAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Letter_WhoseNodeDied_IsSentAgainAndBearsItsName()
    {
        await WriteAsync(await AddUserAsync("ada"));
        var taken = (await Queue.TakeAsync(10, Stop)).ShouldHaveSingleItem();
        (await Queue.TakeAsync(10, Stop)).ShouldBeEmpty("somebody has it");

        _clock.Advance(SqlLetterQueue.Patience);
        (await TurnAsync()).ShouldBe(1);

        using var message = (await _server.TakeAsync(Stop)).Read();
        message.MessageId.ShouldBe($"{taken.Id}@example.org");
    }

    [Fact]
    public async Task Letter_ThatMayGoLater_IsTriedAgainAndThenGivenUp()
    {
        await WriteAsync(await AddUserAsync("ada"));
        _server.RecipientAnswers.Enqueue("450 4.2.1 Later");
        (await TurnAsync()).ShouldBe(1);
        (await Queue.NextDueAsync(Stop)).ShouldBe(s_now.AddSeconds(30));
        (await TurnAsync()).ShouldBe(0, "it is not due");

        foreach (var wait in new[] { 30, 60 })
        {
            _clock.Advance(TimeSpan.FromSeconds(wait));
            _server.RecipientAnswers.Enqueue("450 4.2.1 Later");
            (await TurnAsync()).ShouldBe(1);
        }

        (await Queue.NextDueAsync(Stop)).ShouldBeNull("three attempts are all there are");
        _server.Attempts.ShouldBe(3);
    }

    [Fact]
    public async Task Letter_ThatIsRefusedForGood_IsGivenUp()
    {
        await WriteAsync(await AddUserAsync("ada"));
        _server.RecipientAnswers.Enqueue("550 5.1.1 Nobody of that name");

        (await TurnAsync()).ShouldBe(1);

        (await Queue.NextDueAsync(Stop)).ShouldBeNull();
        _server.HasMore.ShouldBeFalse();
    }

    [Fact]
    public async Task Letter_OfWhichNothingCanBeWritten_HoldsUpNoOther()
    {
        await WriteAsync(await AddUserAsync("ada"));
        await WriteAsync(await AddUserAsync("bob"));
        await StuckRows.MakeAsync(Database, "DELETE", "letters", "OLD.recipient = 'ada@example.org'");

        (await TurnAsync()).ShouldBe(2);

        List<string> reached = [(await _server.TakeAsync(Stop)).To, (await _server.TakeAsync(Stop)).To];
        reached.Order(StringComparer.Ordinal).ShouldBe(["ada@example.org", "bob@example.org"]);
        (await Database.ReadAsync(session => session.QueryAsync<string>("SELECT recipient FROM letters"), Stop)).ShouldBe(["ada@example.org"]);
        (await TurnAsync()).ShouldBe(0, "it comes again when its time is over");
    }

    [Fact]
    public async Task Letter_AfterTheClockWasSetBack_DoesNotWaitForItsOldTime()
    {
        await WriteAsync(await AddUserAsync("ada"));
        _clock.Advance(TimeSpan.FromDays(-30));

        (await TurnAsync()).ShouldBe(1);
    }

    [Fact]
    public async Task Letter_OfANodeThatSendsNone_IsNotKept()
    {
        var ada = await AddUserAsync("ada");
        await Database.WriteAsync(session => new LetterBox(new Mailer(new MailOptions()), _ids).AddAsync(session, ada, _ => new LetterText("", ""), s_now), Stop);

        (await Queue.NextDueAsync(Stop)).ShouldBeNull();
    }

    private LetterBox Box() => new(new Mailer(_options), _ids);

    private Task WriteAsync(Id<User> user) => Database.WriteAsync(session => Box().AddAsync(session, user, handle => new LetterText("Hello", $"Dear {handle}"), s_now), Stop);

    private async Task<int> TurnAsync()
    {
        using var worker = new MailWorker(Queue, new Mailer(_options), _options, _clock, NullLogger<MailWorker>.Instance);
        return await worker.TurnAsync(Stop);
    }

    private async Task<Id<User>> AddUserAsync(string handle) => (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(
        new StoredUser(new User(_ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, s_now), null), Stop)).Value.Id;
}

public sealed class SqliteLetterQueueTests() : LetterQueueConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresLetterQueueTests(PostgresCluster cluster) : LetterQueueConformance(new PostgresSource(cluster));
