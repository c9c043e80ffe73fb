using Stoa.Market.Channels;
using Stoa.Market.Supply;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Supply;

public sealed class SupplierTests
{
    [Theory]
    [InlineData(100, 30, 70, 100, 70)]
    [InlineData(100, 30, 71, 100, 70)]
    [InlineData(100, 100, 5, 100, 0)]
    [InlineData(100, 30, 20, 100, 20)]
    [InlineData(100, 30, 70, 52, 22)]
    [InlineData(100, 30, 70, 10, 0)]
    public void Doubt_IsNoMoreThanItCanHaveTaken_LessWhatIsKnown(long signed, long spent, long doubtful, long takenAtMost, long expected)
    {
        using var key = PrivateKey.Generate();

        New(key, signed, spent, doubtful).DoubtfulAfter(new Money(takenAtMost)).ShouldBe(new Money(expected));
    }

    [Theory]
    [InlineData(70, 10, 50, 10)]
    [InlineData(70, 30, 50, 20)]
    [InlineData(50, 30, 50, 0)]
    [InlineData(20, 30, 50, 0)]
    public void Doubt_BeyondItsBound_IsMadeUpForByAnswers(long doubtful, long answered, long most, long expected)
    {
        using var key = PrivateKey.Generate();

        New(key, 100, 30, doubtful).HealedBy(new Money(answered), new Money(most)).ShouldBe(new Money(expected));
    }

    private static Supplier New(PrivateKey key, long signed, long spent, long doubtful) => new(
        new Id<Supplier>(Guid.CreateVersion7()), key.PublicKey.PeerId, new Uri("http://127.0.0.1"), new Id<Channel>(Guid.CreateVersion7()),
        new Money(signed), new Money(spent), Money.Zero, SupplierStanding.None, DateTimeOffset.UnixEpoch)
    {
        Doubtful = new Money(doubtful),
    };
}
