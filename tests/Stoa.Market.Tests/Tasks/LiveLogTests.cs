using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class LiveLogTests
{
    [Fact]
    public void Kept_OfAnyWrites_IsTheEndOfThemAll() => Prop.ForAll(
        Gen.Choose(1, 2_000).ToArbitrary(),
        Gen.Choose(0, 900).ListOf().ToArbitrary(),
        (capacity, lengths) =>
        {
            using var log = new LiveLog { Capacity = capacity };
            var all = new List<byte>();
            foreach (var length in lengths)
            {
                var bytes = Enumerable.Range(all.Count, length).Select(number => (byte)number).ToArray();
                log.Write(bytes);
                all.AddRange(bytes);
            }

            var kept = log.Keep();
            kept.Bytes.ToArray().ShouldBe(all.TakeLast(capacity));
            (kept.Start, kept.End).ShouldBe((Math.Max(0, all.Count - capacity), all.Count));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Text_CutInsideACharacter_BeginsAtTheNext()
    {
        using var log = new LiveLog();
        log.Write(Encoding.UTF8.GetBytes("größe"));

        log.ToText(4).ShouldBe("ße");
        log.ToText(3).ShouldBe("ße");
        log.ToText(2).ShouldBe("e");
    }

    /// <summary>A reader who comes now and then, and a mirror that is told what the reader read, see the log without a hole or are told of it.</summary>
    [Fact]
    public void Reader_OfAnyWrites_SeesEachByteOnceOrIsToldHowManyItMissed() => Prop.ForAll(
        Gen.Choose(1, 500).ToArbitrary(),
        Gen.Choose(-300, 300).ListOf().ToArbitrary(),
        (capacity, steps) =>
        {
            using var log = new LiveLog { Capacity = capacity };
            using var mirror = new LiveLog { Capacity = capacity };
            var written = 0;
            var read = 0L;
            var buffer = new byte[100];
            foreach (var step in steps.Append(0))
            {
                if (step > 0)
                {
                    log.Write([.. Enumerable.Range(written, step).Select(number => (byte)number)]);
                    written += step;
                    continue;
                }

                var (start, count) = log.Read(read, buffer.AsSpan(0, Math.Min(buffer.Length, -step)));
                start.ShouldBe(Math.Max(read, written - Math.Min(capacity, written)));
                buffer.Take(count).ShouldBe(Enumerable.Range((int)start, count).Select(number => (byte)number));
                mirror.WriteAt(start, buffer.AsSpan(0, count));
                // Told twice is told once.
                mirror.WriteAt(start, buffer.AsSpan(0, count));
                read = start + count;
                mirror.Written.ShouldBe(read);
            }

            var kept = mirror.Keep();
            kept.Bytes.ToArray().ShouldBe(Enumerable.Range((int)kept.Start, kept.Bytes.Length).Select(number => (byte)number));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task Wait_EndsWithTheNextByteAndWithTheLog()
    {
        using var log = new LiveLog();
        var first = log.WaitBeyondAsync(0, TestContext.Current.CancellationToken);
        first.IsCompleted.ShouldBeFalse();

        log.Write("a"u8);

        await first;
        await log.WaitBeyondAsync(0, TestContext.Current.CancellationToken);
        var second = log.WaitBeyondAsync(1, TestContext.Current.CancellationToken);
        second.IsCompleted.ShouldBeFalse();
        log.Complete();
        await second;
        log.Write("b"u8);
        log.Written.ShouldBe(1);
    }
}
