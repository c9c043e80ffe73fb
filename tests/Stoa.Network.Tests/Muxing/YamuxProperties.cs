using FsCheck.Fluent;
using Stoa.Network.Muxing;

namespace Stoa.Network.Tests.Muxing;

public sealed class YamuxProperties
{
    /// <summary>What one stream does: how much it writes at a time, how much its other end reads at a time, and whether either gives up.</summary>
    public sealed record Exchange(int[] Writes, int ReadLength, bool IsResetByWriter, bool IsResetByReader, bool IsFromListener);

    [Fact]
    public void Streams_InAnyInterleaving_CarryTheirBytesInOrderOrAreReset()
    {
        var exchanges =
            from writes in Gen.Choose(0, 100_000).ArrayOf()
            from readLength in Gen.Choose(1, 50_000)
            from writerEnd in Gen.Choose(0, 5)
            from readerEnd in Gen.Choose(0, 5)
            from isFromListener in ArbMap.Default.GeneratorFor<bool>()
            select new Exchange(writes, readLength, writerEnd == 0, readerEnd == 0, isFromListener);
        Prop.ForAll(exchanges.ArrayOf().Resize(12).ToArbitrary(), (Exchange[] all) => RunAsync(all).WaitAsync(TimeSpan.FromSeconds(60)).GetAwaiter().GetResult()).ShouldHold();
    }

    private static async Task RunAsync(Exchange[] exchanges)
    {
        await using var pair = new YamuxPair();
        var accepting = Task.WhenAll(AcceptAsync(pair.Dialer, exchanges), AcceptAsync(pair.Listener, exchanges));
        await Task.WhenAll(exchanges.Select((exchange, index) => WriteAsync(exchange.IsFromListener ? pair.Listener : pair.Dialer, exchange, (byte)index)));
        // What goes over a connection is in order: after a stream more, all others have been accepted.
        await Task.WhenAll(exchanges.Length == 0 ? [] : [.. Both(pair).Select(connection => WriteAsync(connection, new Exchange([], 1, false, false, false), byte.MaxValue))]);
        await accepting;
        pair.Dialer.EndedBecause.ShouldBeNull();
        pair.Listener.EndedBecause.ShouldBeNull();
    }

    private static IMuxedConnection[] Both(YamuxPair pair) => [pair.Dialer, pair.Listener];

    private static async Task AcceptAsync(IMuxedConnection connection, Exchange[] exchanges)
    {
        var reading = new List<Task>();
        while (exchanges.Length > 0)
        {
            var stream = await connection.AcceptStreamAsync(CancellationToken.None);
            var index = new byte[1];
            try
            {
                await stream!.ReadExactlyAsync(index, CancellationToken.None);
            }
            catch (StreamResetException)
            {
                continue;
            }

            if (index[0] == byte.MaxValue)
                break;
            reading.Add(ReadAsync(stream, exchanges[index[0]]));
        }

        await Task.WhenAll(reading);
    }

    private static async Task WriteAsync(IMuxedConnection connection, Exchange exchange, byte index)
    {
        var stream = await connection.OpenStreamAsync(CancellationToken.None);
        try
        {
            await stream.WriteAsync(new[] { index }, CancellationToken.None);
            byte next = 0;
            foreach (var length in exchange.Writes)
            {
                var bytes = new byte[length];
                for (var at = 0; at < length; at++)
                    bytes[at] = next++;
                await stream.WriteAsync(bytes, CancellationToken.None);
            }

            if (exchange.IsResetByWriter)
                stream.Reset();
            else
                await stream.CompleteWritesAsync(CancellationToken.None);
        }
        catch (StreamResetException) when (exchange.IsResetByReader)
        {
        }
    }

    private static async Task ReadAsync(MuxedStream stream, Exchange exchange)
    {
        var buffer = new byte[exchange.ReadLength];
        byte next = 0;
        long total = 0;
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer, CancellationToken.None)) > 0)
            {
                total += read;
                var isInOrder = true;
                for (var at = 0; at < read; at++)
                    isInOrder &= buffer[at] == next++;
                isInOrder.ShouldBeTrue();
                if (exchange.IsResetByReader && total > 10_000)
                {
                    stream.Reset();
                    return;
                }
            }

            exchange.IsResetByWriter.ShouldBeFalse();
            total.ShouldBe(exchange.Writes.Sum(length => (long)length));
            await stream.CompleteWritesAsync(CancellationToken.None);
        }
        catch (StreamResetException) when (exchange.IsResetByWriter)
        {
        }
    }
}
