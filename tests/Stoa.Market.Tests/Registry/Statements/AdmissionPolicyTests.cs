using Stoa.Market.Registry.Statements;

namespace Stoa.Market.Tests.Registry.Statements;

public sealed class AdmissionPolicyTests
{
    private static readonly AdmissionPolicy s_policy = new(8, 2_000, new SignerQuota(2, 1_000, 3), new SignerQuota(5, 5_000, 10), new SignerQuota(9, 9_000, 20));
    private static readonly Statement s_worked = Statement.SignWorked(StatementSamples.Key, StatementSamples.At(), new ProfileStatement("Ann", null), AdmissionPolicy.Default with { StrangerWorkBits = 8 }, CancellationToken.None).Value;
    private static readonly long s_today = StatementSamples.Now.ToUnixTimeMilliseconds() / 86_400_000;

    [Fact]
    public void Find_OfAStrangerWithoutWork_AsksForIt()
    {
        var idle = Enumerable.Range(0, 100).Select(number => StatementSamples.Sign(new ProfileStatement($"Ann {number}", null))).First(statement => StatementWork.BitsOf(statement.Id) < 8);
        Find(idle, SignerStanding.Stranger)!.Code.ShouldBe(StatementFault.WorkMissing);
        Find(idle, SignerStanding.Vouched).ShouldBeNull();
        Find(idle, SignerStanding.Own).ShouldBeNull();
        Find(s_worked, SignerStanding.Stranger).ShouldBeNull();
    }

    [Theory]
    [InlineData(1, 100, 0, 0, null)]
    [InlineData(2, 100, 0, 0, StatementFault.TooManyStatements)]
    [InlineData(2, 100, 0, 1, null)]
    [InlineData(1, 900, 0, 0, StatementFault.TooManyBytes)]
    [InlineData(1, 100, 2, 0, null)]
    [InlineData(1, 100, 3, 0, StatementFault.TooManyToday)]
    public void Find_AtTheQuota_SaysWhichOne(long statements, long bytes, long today, long freed, StatementFault? fault) =>
        (s_policy.Find(s_worked, new SignerUsage(SignerStanding.Stranger, statements, bytes, s_today, today), (freed, freed * 300), 0, StatementSamples.Now)?.Code).ShouldBe(fault);

    [Fact]
    public void Find_WhenStrangersHaveAllTheirRoom_RefusesStrangersAlone()
    {
        Find(s_worked, SignerStanding.Stranger, strangersBytes: 1_900)!.Code.ShouldBe(StatementFault.StrangersFull);
        Find(s_worked, SignerStanding.Vouched, strangersBytes: 1_900).ShouldBeNull();
    }

    [Fact]
    public void Find_WhenStrangersHaveMostOfTheirRoom_LeavesTheRestToWithdrawalsAndOffers()
    {
        var withdrawal = Statement.SignWorked(StatementSamples.Key, StatementSamples.At(), StatementSamples.Of(StatementKind.Withdrawal), s_policy, CancellationToken.None).Value;
        var mostOf = 1_900 - withdrawal.Payload.Length;
        Find(s_worked, SignerStanding.Stranger, mostOf)!.Code.ShouldBe(StatementFault.StrangersFull);
        Find(withdrawal, SignerStanding.Stranger, mostOf).ShouldBeNull();
        Find(withdrawal, SignerStanding.Stranger, strangersBytes: 2_000)!.Code.ShouldBe(StatementFault.StrangersFull);
    }

    [Theory]
    [InlineData(100, 18)]
    [InlineData(2_048, 18)]
    [InlineData(2_049, 19)]
    [InlineData(4_096, 19)]
    [InlineData(4_097, 20)]
    [InlineData(StatementLimits.MaxPayloadBytes, 25)]
    public void WorkBitsOf_LargerPayloads_AreMore(int bytes, int bits)
    {
        AdmissionPolicy.Default.WorkBitsOf(bytes).ShouldBe(bits);
        (AdmissionPolicy.Default with { StrangerWorkBits = 0 }).WorkBitsOf(bytes).ShouldBe(0);
    }

    [Fact]
    public void SignWorked_OfALargeStatement_HasTheWorkOfItsSize()
    {
        var json = StatementSamples.Listing().ManifestJson.Replace("Scales", "Scales " + new string('s', 400), StringComparison.Ordinal) + new string(' ', 6_000);
        var listing = StatementSamples.Listing() with { ManifestJson = json };
        var large = Statement.SignWorked(StatementSamples.Key, StatementSamples.At(), listing, s_policy, CancellationToken.None).Value;

        large.Payload.Length.ShouldBeInRange(4_097, 8_192);
        StatementWork.BitsOf(large.Id).ShouldBeGreaterThanOrEqualTo(10);
    }

    [Fact]
    public void Count_OnAnotherDay_BeginsAnew()
    {
        var usage = AdmissionPolicy.Count(new SignerUsage(SignerStanding.Vouched, 4, 400, s_today, 3), s_worked, (1, 100), StatementSamples.Now);
        usage.ShouldBe(new SignerUsage(SignerStanding.Vouched, 4, 300 + s_worked.Payload.Length, s_today, 4));
        AdmissionPolicy.Count(usage, s_worked, default, StatementSamples.Now.AddDays(1)).Today.ShouldBe(1);
    }

    private static Market.Refusal<StatementFault>? Find(Statement statement, SignerStanding standing, long strangersBytes = 0) =>
        s_policy.Find(statement, SignerUsage.None(standing), default, strangersBytes, StatementSamples.Now);
}
