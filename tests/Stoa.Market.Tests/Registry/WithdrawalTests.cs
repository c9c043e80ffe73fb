using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

public sealed class WithdrawalTests
{
    [Theory]
    [InlineData("Rows are lost.", "ann/tool@1.0.1", "ann/tool@1.0.0 was withdrawn by its publisher at 2026-11-05T06:07:08Z, saying \"Rows are lost.\". Take ann/tool@1.0.1, the newest version that is offered.")]
    [InlineData(null, "ann/tool@0.9.0", "ann/tool@1.0.0 was withdrawn by its publisher at 2026-11-05T06:07:08Z. Take ann/tool@0.9.0, the newest version that is offered.")]
    [InlineData(null, null, "ann/tool@1.0.0 was withdrawn by its publisher at 2026-11-05T06:07:08Z. No version of it is offered any more: look for other agents with GET /api/v1/agents.")]
    public void Listing_ThatWasWithdrawn_SaysWhenWhyAndWhatToDo(string? reason, string? instead, string words) => new WithdrawnListing(
        ListingName.Parse("ann/tool@1.0.0"),
        new Withdrawal(new DateTimeOffset(2026, 11, 5, 8, 7, 8, 9, TimeSpan.FromHours(2)), reason),
        instead is null ? null : ListingName.Parse(instead)).ToString().ShouldBe(words);
}
