using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Identity.SignIn;

public sealed class SessionRulesTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly SessionLimits s_limits = new(TimeSpan.FromDays(30), TimeSpan.FromDays(90), TimeSpan.FromSeconds(30));

    private static Session Begun => Session.Begin(new Id<Session>(Guid.CreateVersion7()), new Id<User>(Guid.CreateVersion7()), "curl/8", s_now);

    [Fact]
    public void NewestToken_IsReplacedByTheNext()
    {
        var after = Refresh(Begun, 1, s_now.AddMinutes(15)).Value;

        (after.Generation, after.RotatedAt, after.UsedAt).ShouldBe((2, s_now.AddMinutes(15), s_now.AddMinutes(15)));
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(30, null)]
    [InlineData(-30, null)]
    [InlineData(31, AccountRefusal.RefreshTokenReused)]
    [InlineData(-31, AccountRefusal.RefreshTokenReused)]
    public void TokenBefore_GivesTheSameAgain_WithinTheGraceOnly(int secondsLater, AccountRefusal? refusal)
    {
        var rotated = Refresh(Begun, 1, s_now.AddHours(1)).Value;

        var again = Refresh(rotated, 1, s_now.AddHours(1).AddSeconds(secondsLater));

        (again.Refusal?.Code).ShouldBe(refusal);
        if (refusal is null)
            again.Value.ShouldBe(rotated);
        else
            again.Refusal.ShouldNotBeNull();
    }

    [Fact]
    public void SessionWithAnEndOfItsOwn_IsOverThen_HoweverMuchItIsUsed()
    {
        var session = Session.Begin(Begun.Id, Begun.UserId, "curl/8", s_now, TimeSpan.FromHours(12));

        var used = Refresh(session, 1, s_now.AddHours(11)).Value;

        SessionRules.EndsAt(used, s_limits).ShouldBe(s_now.AddHours(12));
        Refresh(used, 2, s_now.AddHours(12)).Refusal!.Code.ShouldBe(AccountRefusal.SessionEnded);
        SessionRules.EndsAt(session with { NotAfter = s_now.AddDays(1000) }, s_limits).ShouldBe(s_now.AddDays(30), "it makes none longer");
    }

    [Theory]
    [InlineData(30, null)]
    [InlineData(31, AccountRefusal.RefreshTokenReused)]
    public void Grace_IsCountedByTheClockThatNodesShare(int secondsLater, AccountRefusal? refusal)
    {
        var rotated = SessionRules.Refresh(Begun, 1, s_limits, s_now.AddHours(1), s_now).Value;

        (rotated.RotatedAt, rotated.UsedAt).ShouldBe((s_now, s_now.AddHours(1)));
        (SessionRules.Refresh(rotated, 1, s_limits, s_now.AddHours(-1), s_now.AddSeconds(secondsLater)).Refusal?.Code).ShouldBe(refusal);
    }

    [Fact]
    public void TokenBeforeTheLast_IsReuseAtOnce()
    {
        var twice = Refresh(Refresh(Begun, 1, s_now).Value, 2, s_now).Value;

        Refresh(twice, 1, s_now).Refusal!.Code.ShouldBe(AccountRefusal.RefreshTokenReused);
    }

    [Fact]
    public void NoGrace_TakesEachTokenOnce()
    {
        var rotated = Refresh(Begun, 1, s_now).Value;

        SessionRules.Refresh(rotated, 1, s_limits with { Grace = TimeSpan.Zero }, s_now, s_now.AddMilliseconds(1)).Refusal!.Code.ShouldBe(AccountRefusal.RefreshTokenReused);
    }

    [Fact]
    public void TokenOfTheFuture_EndsNothing() =>
        Refresh(Begun, 2, s_now).Refusal!.Code.ShouldBe(AccountRefusal.RefreshTokenInvalid);

    [Theory]
    [InlineData(29.9, true)]
    [InlineData(30, false)]
    public void IdleSession_IsOver(double days, bool isOpen) =>
        (Refresh(Begun, 1, s_now.AddDays(days)).Refusal?.Code is not AccountRefusal.SessionEnded).ShouldBe(isOpen);

    [Fact]
    public void OldSession_IsOver_HoweverMuchItIsUsed()
    {
        var session = Begun;
        for (var day = 1; day < 90; day++)
            session = Refresh(session, day, s_now.AddDays(day)).Value;

        SessionRules.EndsAt(session, s_limits).ShouldBe(s_now.AddDays(90));
        Refresh(session, session.Generation, s_now.AddDays(90)).Refusal!.Code.ShouldBe(AccountRefusal.SessionEnded);
    }

    [Theory]
    [InlineData(SessionEnd.SignedOut)]
    [InlineData(SessionEnd.PasswordChanged)]
    [InlineData(SessionEnd.TokenReused)]
    [InlineData(SessionEnd.TooMany)]
    [InlineData(SessionEnd.Erasure)]
    [InlineData(SessionEnd.SecondFactorRemoved)]
    public void EndedSession_StaysEnded(SessionEnd why)
    {
        var refused = Refresh(Begun with { EndedAt = s_now, EndedBy = why }, 1, s_now);

        refused.Refusal!.Code.ShouldBe(AccountRefusal.SessionEnded);
        refused.Refusal.Detail.ShouldContain("sign in again");
    }

    [Theory]
    [InlineData(null, "unknown")]
    [InlineData("  ", "unknown")]
    [InlineData("curl/8\r\n\u001b[31m", "curl/8???[31m")]
    public void Device_IsShownSafely(string? said, string kept) =>
        Session.Begin(default, default, said, s_now).Device.ShouldBe(kept);

    [Fact]
    public void Device_HasAnEnd() => Session.Begin(default, default, new string('x', 5000), s_now).Device.Length.ShouldBe(Session.DeviceLengthMax);

    private static Outcome<Session, AccountRefusal> Refresh(Session session, int generation, DateTimeOffset now) =>
        SessionRules.Refresh(session, generation, s_limits, now, now);
}
