using Stoa.Market.Metering;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Metering;

public sealed class UsageAmountsTests
{
    [Fact]
    public void Sum_OfMoreThanANumberHolds_IsTheLargest_AndMoneyIsAddedAsItIs()
    {
        var most = new UsageAmounts(1, long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue, new Money(3), new Money(1), new Money(1), new Money(1))
        {
            ByteHours = long.MaxValue,
            TransferBytes = long.MaxValue,
        };

        var sum = most + most;

        sum.ShouldBe(most with { Events = 2, Paid = new Money(6), Creator = new Money(2), Node = new Money(2), Platform = new Money(2) });
    }
}
