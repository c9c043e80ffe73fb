using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class LogTailTests
{
    [Fact]
    public void Tail_OfAnyWrites_IsTheEndOfThemAll() => Prop.ForAll(
        Gen.Choose(1, 2_000).ToArbitrary(),
        Gen.Choose(0, 900).ListOf().ToArbitrary(),
        (capacity, lengths) =>
        {
            using var tail = new LogTail(capacity);
            var all = new List<byte>();
            foreach (var length in lengths)
            {
                var bytes = Enumerable.Range(all.Count, length).Select(number => (byte)number).ToArray();
                tail.Write(bytes);
                all.AddRange(bytes);
            }

            tail.ToArray().ShouldBe(all.TakeLast(capacity));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Text_CutInsideACharacter_BeginsAtTheNext()
    {
        using var tail = new LogTail(100);
        tail.Write(Encoding.UTF8.GetBytes("größe"));

        tail.ToText(4).ShouldBe("ße");
        tail.ToText(3).ShouldBe("ße");
        tail.ToText(2).ShouldBe("e");
    }
}
