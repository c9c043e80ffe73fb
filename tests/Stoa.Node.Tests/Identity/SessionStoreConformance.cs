using System.Security.Cryptography;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>What the store of sessions does on every database. The rules themselves are tested without one.</summary>
public abstract class SessionStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly SessionLimits s_limits = new(TimeSpan.FromDays(30), TimeSpan.FromDays(90), TimeSpan.FromSeconds(30));
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));

    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private Id<User> _ada;
    private Id<User> _bob;

    private SqlSessionStore Store => new(Database, s_cell, s_limits);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _ada = await RegisterAsync("ada");
        _bob = await RegisterAsync("bob");
    }

    [Fact]
    public async Task Refresh_ByOneTokenAfterAnother_GoesOn()
    {
        var (session, token) = await OpenAsync(_ada);
        for (var generation = 2; generation < 5; generation++)
        {
            var (outcome, ended) = await Store.RefreshAsync(token, s_now.AddHours(generation), Stop);
            (outcome.Value.Session.Generation, outcome.Value.Session.Id, ended).ShouldBe((generation, session.Id, null));
            token = outcome.Value.Next;
        }

        (await Store.ListAsync(_ada, s_now.AddHours(5), new PageRequest(), Stop)).Items.Single().UsedAt.ShouldBe(s_now.AddHours(4));
    }

    [Fact]
    public async Task Refresh_ByOneTokenManyTimesAtOnce_GivesTheSameTokenToAll()
    {
        var (_, token) = await OpenAsync(_ada);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Store.RefreshAsync(token, s_now.AddHours(1), Stop)));

        outcomes.Select(outcome => outcome.Outcome.Value.Next.Text).Distinct().Count().ShouldBe(1);
        outcomes.ShouldAllBe(outcome => outcome.Outcome.Value.Session.Generation == 2);
    }

    [Fact]
    public async Task Refresh_ByATokenThatWasUsed_EndsTheSessionForGood()
    {
        var (session, first) = await OpenAsync(_ada);
        var second = (await Store.RefreshAsync(first, s_now, Stop)).Outcome.Value.Next;
        var third = (await Store.RefreshAsync(second, s_now, Stop)).Outcome.Value.Next;

        var (reuse, ended) = await Store.RefreshAsync(first, s_now, Stop);

        (reuse.Refusal!.Code, ended).ShouldBe((AccountRefusal.RefreshTokenReused, session.Id));
        (await Store.IsInForceAsync(session.Id, s_now, Stop)).ShouldBeFalse();
        (await Store.RefreshAsync(third, s_now, Stop)).Outcome.Refusal!.Code.ShouldBe(AccountRefusal.SessionEnded);
        (await Store.ListAsync(_ada, s_now, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task SessionWithAnEndOfItsOwn_IsNeitherRefreshedNorListedAfterIt()
    {
        var session = Session.Begin(_ids.Next<Session>(), _ada, "test", s_now, TimeSpan.FromHours(12));
        var key = RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes);
        await Store.AddAsync(session, key, 10, Stop);
        var token = RefreshToken.Create(session.Id, 1, key);

        (await Store.ListAsync(_ada, s_now.AddHours(11), new PageRequest(), Stop)).Items.ShouldBe([session]);
        var next = (await Store.RefreshAsync(token, s_now.AddHours(11), Stop)).Outcome.Value;
        next.Session.NotAfter.ShouldBe(s_now.AddHours(12));
        (await Store.ListAsync(_ada, s_now.AddHours(12), new PageRequest(), Stop)).Items.ShouldBeEmpty();
        (await Store.RefreshAsync(next.Next, s_now.AddHours(12), Stop)).Outcome.Refusal!.Code.ShouldBe(AccountRefusal.SessionEnded);
        (await Store.IsInForceAsync(session.Id, s_now.AddHours(11), Stop)).ShouldBeTrue();
        (await Store.IsInForceAsync(session.Id, s_now.AddHours(12), Stop)).ShouldBeFalse("a stream that it has opened ends");
    }

    [Fact]
    public async Task Refresh_ByAForgedToken_EndsNothing()
    {
        var (session, token) = await OpenAsync(_ada);
        var forged = RefreshToken.Create(session.Id, 1, RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes));
        var unheard = RefreshToken.Create(_ids.Next<Session>(), 1, RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes));

        (await Store.RefreshAsync(forged, s_now, Stop)).Outcome.Refusal!.Code.ShouldBe(AccountRefusal.RefreshTokenInvalid);
        (await Store.RefreshAsync(unheard, s_now, Stop)).Outcome.Refusal!.Code.ShouldBe(AccountRefusal.RefreshTokenInvalid);
        (await Store.RefreshAsync(token, s_now, Stop)).Outcome.Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task End_IsForTheOwnOnesOnly_AndOnce()
    {
        var (session, _) = await OpenAsync(_ada);

        (await Store.EndAsync(session.Id, _bob, SessionEnd.SignedOut, s_now, Stop)).ShouldBeFalse();
        (await Store.IsInForceAsync(session.Id, s_now, Stop)).ShouldBeTrue();
        (await Store.EndAsync(session.Id, _ada, SessionEnd.SignedOut, s_now, Stop)).ShouldBeTrue();
        (await Store.EndAsync(session.Id, _ada, SessionEnd.SignedOut, s_now, Stop)).ShouldBeFalse();
        (await Store.IsInForceAsync(session.Id, s_now, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task EndAll_LeavesTheOneThatIsNamed_AndThoseOfOthers()
    {
        var here = (await OpenAsync(_ada)).Session;
        var there = (await OpenAsync(_ada)).Session;
        var others = (await OpenAsync(_bob)).Session;

        (await Store.EndAllAsync(_ada, here.Id, SessionEnd.PasswordChanged, s_now, Stop)).ShouldBe([there.Id]);

        (await Store.IsInForceAsync(here.Id, s_now, Stop)).ShouldBeTrue();
        (await Store.IsInForceAsync(others.Id, s_now, Stop)).ShouldBeTrue();
        (await Store.EndAllAsync(_ada, null, SessionEnd.SignedOut, s_now, Stop)).ShouldBe([here.Id]);
    }

    [Fact]
    public async Task SessionsBeyondTheMost_EndTheOneThatWasUsedLeastRecently()
    {
        var (first, token) = await OpenAsync(_ada);
        var second = (await OpenAsync(_ada)).Session;
        await Store.RefreshAsync(token, s_now.AddMinutes(1), Stop);

        var third = NewSession(_ada);
        var ended = await Store.AddAsync(third, RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes), 2, Stop);

        ended.ShouldBe([second.Id]);
        (await Store.ListAsync(_ada, s_now, new PageRequest(), Stop)).Items.Select(session => session.Id).ShouldBe([third.Id, first.Id]);
    }

    [Fact]
    public async Task List_ShowsOpenSessionsInPages_NewestFirst()
    {
        var sessions = new List<Session>();
        for (var index = 0; index < 5; index++)
            sessions.Add((await OpenAsync(_ada)).Session);
        await Store.EndAsync(sessions[1].Id, _ada, SessionEnd.SignedOut, s_now, Stop);

        var first = await Store.ListAsync(_ada, s_now, new PageRequest(2), Stop);
        var second = await Store.ListAsync(_ada, s_now, new PageRequest(2, first.NextCursor), Stop);

        first.Items.ShouldBe([sessions[4], sessions[3]]);
        second.Items.ShouldBe([sessions[2], sessions[0]]);
        second.NextCursor.ShouldBeNull();
        (await Store.ListAsync(_ada, s_now.AddDays(30), new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Forget_TakesWhatIsLongOver()
    {
        var ended = (await OpenAsync(_ada)).Session;
        var (_, idleToken) = await OpenAsync(_ada);
        await Store.EndAsync(ended.Id, _ada, SessionEnd.SignedOut, s_now, Stop);

        (await Store.ForgetAsync(s_now.AddDays(7), Stop)).ShouldBe(0);
        (await Store.ForgetAsync(s_now.AddDays(7).AddMilliseconds(1), Stop)).ShouldBe(1);
        (await Store.RefreshAsync(idleToken, s_now.AddDays(29), Stop)).Outcome.Refusal.ShouldBeNull();
        (await Store.ForgetAsync(s_now.AddDays(200), Stop)).ShouldBe(1);
    }

    private async Task<(Session Session, RefreshToken Token)> OpenAsync(Id<User> user)
    {
        var key = RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes);
        var session = NewSession(user);
        await Store.AddAsync(session, key, 100, Stop);
        return (session, RefreshToken.Create(session.Id, 1, key));
    }

    private Session NewSession(Id<User> user) => Session.Begin(_ids.Next<Session>(), user, "test/1", s_now);

    private async Task<Id<User>> RegisterAsync(string handle) => (await new SqlUserStore(Database, _ids, TestCell.Key).AddAsync(
        new StoredUser(new User(_ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, s_now), "hash"), Stop)).Value.Id;
}

public sealed class SqliteSessionStoreTests() : SessionStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresSessionStoreTests(PostgresCluster cluster) : SessionStoreConformance(new PostgresSource(cluster));
