using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class QuorumTests
{
    [Theory]
    [InlineData("aab", 2, "a", "Agreed Agreed Contradicted")]
    [InlineData("aaa", 3, "a", "Agreed Agreed Agreed")]
    [InlineData("aab", 3, null, "Disputed Disputed Disputed")]
    [InlineData("ab", 2, null, "Disputed Disputed")]
    [InlineData("a-", 2, null, "Unconfirmed Failed")]
    [InlineData("aa-", 2, "a", "Agreed Agreed Failed")]
    [InlineData("--", 2, null, "Failed Failed")]
    public void Outputs_AreAgreedOnByEnough_AndEachRunIsJudgedByThat(string given, int agree, string? agreed, string standings)
    {
        // One letter an executor; - gave nothing.
        List<ContentHash?> runs = [.. given.Select(letter => letter == '-' ? (ContentHash?)null : Digest(letter))];
        List<ContentHash> outputs = [.. runs.OfType<ContentHash>()];

        var found = Quorum.AgreedOn(outputs, agree);

        found.ShouldBe(agreed is null ? null : Digest(agreed[0]));
        string.Join(' ', runs.Select(run => Quorum.Judge(run, outputs, found))).ShouldBe(standings);
    }

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(2, 1, false)]
    [InlineData(2, 2, true)]
    [InlineData(3, 2, true)]
    [InlineData(4, 2, false)]
    [InlineData(4, 3, true)]
    [InlineData(7, 7, true)]
    [InlineData(7, 8, false)]
    [InlineData(8, 5, false)]
    public void Redundancy_TakesMoreThanHalf_SoThatNoTwoOutputsAreAgreedOn(int runs, int agree, bool isValid)
    {
        new Redundancy(runs, agree).IsValid.ShouldBe(isValid);
        if (isValid)
            Redundancy.MajorityOf(runs).ShouldBeLessThanOrEqualTo(agree);
    }

    [Fact]
    public void Request_IsAnotherOne_WithAnotherWorldOrRedundancy()
    {
        var request = new TaskRequest(ListingName.Parse("stoa/upper"), new RequestedInput.Inline("hello"u8.ToArray()), new Dictionary<string, string>(), RequestedLimits.None, null);
        TaskRequest[] requests =
        [
            request, request with { World = new TaskWorld(1, 2) }, request with { World = new TaskWorld(12, 2) }, request with { World = new TaskWorld(1, 22) },
            request with { Redundancy = new Redundancy(3, 2) }, request with { Redundancy = new Redundancy(3, 3) },
        ];

        requests.Select(one => one.Hash()).Distinct().Count().ShouldBe(requests.Length);
    }

    private static ContentHash Digest(char letter) => ContentHash.Of([(byte)letter]);
}
