using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Statements;

public sealed class ContradictionTests
{
    private static readonly KeyedListing s_listing = new(StatementSamples.Key.PublicKey.PeerId, "resize", SemanticVersion.Parse("1.0.0"));

    [Fact]
    public void Proof_OfTwoThatSayDifferentThings_Holds()
    {
        Contradiction.FindFault(s_listing, Sign("program"), Sign("other")).ShouldBeNull();
        Contradiction.FindFault(s_listing, Sign("other"), Sign("program")).ShouldBeNull();
    }

    [Fact]
    public void Proof_ThatProvesNothing_SaysWhy()
    {
        Contradiction.FindFault(s_listing, Sign("program"), Sign("program", seconds: 1)).ShouldBe("The two say the same.");
        Contradiction.FindFault(s_listing with { Version = SemanticVersion.Parse("1.0.1") }, Sign("program"), Sign("other")).ShouldNotBeNull().ShouldContain("is not of");
        using var other = PrivateKey.Generate();
        Contradiction.FindFault(s_listing, Sign("program"), Statement.Sign(other, new Hlc(1, 0), Listing("other")).Value.Envelope).ShouldNotBeNull().ShouldContain("is not of");
        var withdrawal = StatementSamples.Sign(new WithdrawalStatement("resize", SemanticVersion.Parse("1.0.0"), true, null));
        Contradiction.FindFault(s_listing, Sign("program"), withdrawal.Envelope).ShouldNotBeNull().ShouldContain("is not of");
        // Signed by nobody: the payload of one under the signature of the other.
        var forged = Sign("other") with { Signatures = Sign("program").Signatures };
        Contradiction.FindFault(s_listing, Sign("program"), forged).ShouldNotBeNull().ShouldStartWith("A statement of the two does not hold");
    }

    private static AgentListing Listing(string program) => StatementSamples.Listing() with { ProgramDigest = ContentHash.Of(System.Text.Encoding.UTF8.GetBytes(program)) };

    private static DsseEnvelope Sign(string program, int seconds = 0) =>
        Statement.Sign(StatementSamples.Key, new Hlc(1_764_000_000_000 + (seconds * 1_000), 0), Listing(program)).Value.Envelope;
}
