using Stoa.Market.Channels;
using Stoa.Node.Inference.Sales;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

public sealed class GivenUpReceiptsTests
{
    [Fact]
    public void Receipts_AreKeptForThoseWhoCameLast_AndMemoryHasABound()
    {
        var receipts = new GivenUpReceipts();
        var (channel, other) = (new Id<Channel>(Guid.CreateVersion7()), new Id<Channel>(Guid.CreateVersion7()));
        for (var number = 0; number < 3 * GivenUpReceipts.MostOfHalf; number++)
        {
            receipts.Put(channel, $"{number}", $"receipt {number}");
            receipts.Find(channel, $"{number}").ShouldBe($"receipt {number}");
            receipts.Count.ShouldBeLessThanOrEqualTo(2 * GivenUpReceipts.MostOfHalf);
        }

        receipts.Find(channel, $"{2 * GivenUpReceipts.MostOfHalf}").ShouldNotBeNull();
        receipts.Find(channel, "0").ShouldBeNull();
        receipts.Find(other, $"{2 * GivenUpReceipts.MostOfHalf}").ShouldBeNull();
        receipts.Put(channel, new string('n', GivenUpReceipts.MostNonceCharacters + 1), "receipt");
        receipts.Find(channel, new string('n', GivenUpReceipts.MostNonceCharacters + 1)).ShouldBeNull();
    }
}
