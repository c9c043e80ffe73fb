using System.Diagnostics;
using Stoa.Primitives.Sealing;

namespace Stoa.Bench;

/// <summary>Sealing and opening inputs and outputs of tasks on one core.</summary>
internal static class SealingBench
{
    private const int Megabytes = 64;
    private const int Rounds = 5;
    private const int Exchanges = 500;
    private const string Account = "user_01h2xcejqtf2nbrexx3vqjhp41";

    public static Figures Run(Action<string> tell, CancellationToken cancellationToken)
    {
        using var key = SealingKey.Derive(new byte[32]);
        var plain = new byte[Megabytes * 1_000_000];
        new Random(1).NextBytes(plain);
        var exchange = SealedExchange.Begin(key.PublicKey, Account, out var header);
        using var box = new MemoryStream((int)SealedExchange.SizeOfInput(plain.Length));
        var figures = new Figures();

        tell($"{Megabytes} MB sealed, then opened");
        figures.Add("seal_mb_s", Megabytes / Best(() =>
        {
            box.Position = 0;
            using var sealing = exchange.SealInput(box, header);
            sealing.Write(plain);
            sealing.Complete();
        }));
        var buffer = new byte[64 << 10];
        figures.Add("open_mb_s", Megabytes / Best(() =>
        {
            var source = new MemoryStream(box.GetBuffer(), SealedHeader.SizeBytes, (int)box.Length - SealedHeader.SizeBytes, writable: false);
            using var opened = exchange.OpenInput(source);
            long length = 0;
            for (int read; (read = opened.Read(buffer, 0, buffer.Length)) > 0;)
                length += read;
            if (length != plain.Length)
                throw new BenchmarkException($"{length} bytes were opened.");
        }));
        tell("exchanges begun by a consumer, and taken up by the node");
        figures.Add("begin_us", 1e6 / Exchanges * Best(() =>
        {
            for (var count = 0; count < Exchanges; count++)
                _ = SealedExchange.Begin(key.PublicKey, Account, out _);
        }));
        figures.Add("take_up_us", 1e6 / Exchanges * Best(() =>
        {
            for (var count = 0; count < Exchanges; count++)
                _ = key.Open(header, Account);
        }));
        figures.Notes.Add($"the best of {Rounds} rounds on one core; chunks of 64 KiB, in memory");
        return figures;

        double Best(Action act)
        {
            var best = TimeSpan.MaxValue;
            for (var round = 0; round < Rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var begin = Stopwatch.GetTimestamp();
                act();
                var took = Stopwatch.GetElapsedTime(begin);
                best = took < best ? took : best;
            }

            return best.TotalSeconds;
        }
    }
}
