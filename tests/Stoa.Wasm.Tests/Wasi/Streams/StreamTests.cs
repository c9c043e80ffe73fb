using System.IO.Pipelines;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests.Wasi.Streams;

public sealed class StreamTests
{
    [Fact]
    public void Input_FromBytes_GivesThemOnceAndCounts()
    {
        var input = GuestInput.FromBytes("abcdef"u8.ToArray());
        Take(input, 4).ShouldBe("abcd");
        input.BytesRead.ShouldBe(4);
        Take(input, 4).ShouldBe("ef");
        Take(input, 4).ShouldBe("");
        input.BytesRead.ShouldBe(6);
    }

    [Fact]
    public void Input_FilledReads_DoNotShowHowTheBytesArrive()
    {
        var input = GuestInput.FromStream(new Dribble("abcdefg"u8.ToArray()), fillReads: true);
        Take(input, 4).ShouldBe("abcd");
        Take(input, 4).ShouldBe("efg");
        Take(input, 4).ShouldBe("");
    }

    [Fact]
    public void Input_UnfilledReads_GiveWhatIsThere()
    {
        var input = GuestInput.FromStream(new Dribble("abc"u8.ToArray()), fillReads: false);
        Take(input, 4).ShouldBe("a");
        Take(input, 4).ShouldBe("b");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(150_000)]
    public void Input_CountedForAReplay_IsTheSameFromAStreamAndFromMemory(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        var memory = GuestInput.FromBytes(bytes);
        var stream = GuestInput.FromStream(new Dribble(bytes), fillReads: true);
        var read = new List<byte>();
        while (true)
        {
            var count = memory.CountReadable(isReplayed: true, out var hasEnded, default);
            (stream.CountReadable(isReplayed: true, out var streamHasEnded, default), streamHasEnded).ShouldBe((count, hasEnded));
            hasEnded.ShouldBe(read.Count == size);
            count.ShouldBe((ulong)Math.Min(size - read.Count, 65_536));
            if (hasEnded)
                break;
            var (one, two) = (new byte[20_000], new byte[20_000]);
            var length = memory.Read(one, default);
            stream.Read(two, default).ShouldBe(length);
            two.ShouldBe(one);
            read.AddRange(one.AsSpan(0, length));
        }

        read.ShouldBe(bytes);
    }

    [Fact]
    public async Task Input_CountedAsItCame_DoesNotWait()
    {
        var pipe = new Pipe();
        var input = GuestInput.FromStream(pipe.Reader.AsStream(), fillReads: false);
        input.CountReadable(isReplayed: true, out _, default).ShouldBe(0UL);
        var readable = input.WaitReadable().ShouldNotBeNull();
        await pipe.Writer.WriteAsync("abc"u8.ToArray(), TestContext.Current.CancellationToken);
        await readable;
        input.CountReadable(isReplayed: false, out var hasEnded, default).ShouldBe(3UL);
        hasEnded.ShouldBeFalse();
        Take(input, 4).ShouldBe("abc");
        await pipe.Writer.CompleteAsync();
        await (input.WaitReadable() ?? Task.CompletedTask);
        input.CountReadable(isReplayed: false, out hasEnded, default).ShouldBe(0UL);
        hasEnded.ShouldBeTrue();
        Take(input, 4).ShouldBe("");
    }

    [Fact]
    public async Task Input_ReadThatIsBrokenOff_LosesNothing()
    {
        var pipe = new Pipe();
        var input = GuestInput.FromStream(pipe.Reader.AsStream(), fillReads: false);
        using var stop = new CancellationTokenSource();
        var reading = Task.Run(() => TakeUntil(input, 4, stop.Token), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(reading);
        (input.WaitReadable() is null).ShouldBeFalse();
        await pipe.Writer.WriteAsync("abc"u8.ToArray(), TestContext.Current.CancellationToken);
        Take(input, 4).ShouldBe("abc");
    }

    [Fact]
    public void Output_OverItsLimit_WritesWhatFitsAndStops()
    {
        var output = GuestOutput.ToMemory(maxBytes: 5);
        output.Write("abc"u8);
        Should.Throw<OutputLimitExceededException>(() => output.Write("def"u8)).MaxBytes.ShouldBe(5);
        output.ToString().ShouldBe("abcde");
        output.BytesWritten.ShouldBe(5);
        output.Write(""u8);
    }

    [Fact]
    public void Output_Truncating_MarksTheCutOnce()
    {
        var output = GuestOutput.ToMemory(maxBytes: 5, OutputOverflow.Truncate);
        output.Write("abcde"u8);
        output.IsTruncated.ShouldBeFalse();
        output.Write("fgh"u8);
        output.Write("ijk"u8);
        output.IsTruncated.ShouldBeTrue();
        output.ToString().ShouldBe("abcde" + GuestOutput.TruncationMark);
        output.BytesWritten.ShouldBe(5);
    }

    [Fact]
    public void Output_Discarded_IsCountedAndLimited()
    {
        var output = GuestOutput.Discard(maxBytes: 2);
        output.Write("ab"u8);
        output.BytesWritten.ShouldBe(2);
        Should.Throw<OutputLimitExceededException>(() => output.Write("c"u8));
    }

    private static string Take(GuestInput input, int count) => TakeUntil(input, count, TestContext.Current.CancellationToken);

    private static string TakeUntil(GuestInput input, int count, CancellationToken cancellationToken)
    {
        var buffer = new byte[count];
        return System.Text.Encoding.UTF8.GetString(buffer, 0, input.Read(buffer, cancellationToken));
    }

    /// <summary>A stream that gives one byte at a time.</summary>
    private sealed class Dribble(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(1, buffer.Length)], cancellationToken);
    }
}
