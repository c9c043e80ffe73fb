using System.Diagnostics;
using Stoa.Market.Channels;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Making and checking vouchers on one core: words of hash chains, and signatures.</summary>
internal static class ChannelsBench
{
    private const int Rounds = 5;
    private const int Signatures = 2_000;

    public static Figures Run(Action<string> tell, CancellationToken cancellationToken)
    {
        using var payer = PrivateKey.Generate();
        using var payee = PrivateKey.Generate();
        var terms = new ChannelTerms(
            new Id<Channel>(Guid.CreateVersion7()), payee.PublicKey.PeerId, payer.PublicKey, payee.PublicKey, TimeSpan.FromDays(1), default, default);
        var seed = new ChainWord(payer.PublicKey.ToSpki().AsSpan(^ChainWord.Size..));
        var chain = new HashChain(seed, ChainCommitment.MaxLength);
        var commitment = chain.Commit(terms, Money.Zero, new Money(1));
        var envelope = commitment.Sign(payer);
        var figures = new Figures();

        tell($"words of a chain of {chain.Length:N0}, one after the other");
        Measure("vouchers", chain.Length, () =>
        {
            Voucher.Chain? known = null;
            for (var index = 1; index <= chain.Length; index++)
            {
                var voucher = new Voucher.Chain(envelope, index, chain[index]);
                if (VoucherCheck.Check(voucher, terms, known).Refusal is { } refusal)
                    throw new BenchmarkException(refusal.Detail);
                known = voucher;
            }
        });
        tell("chains made of a seed");
        Measure("vouchers_made", chain.Length, () => _ = new HashChain(seed, chain.Length));
        tell("words as they come off the wire: JSON, terms, signature of the commitment, and one step from the last");
        Voucher.Chain Word(int index) => new(envelope, index, chain[index]);
        var words = Enumerable.Range(1, Signatures).Select(index => VoucherJson.Write(Word(index))).ToList();
        Measure("vouchers_off_the_wire", Signatures, () =>
        {
            Voucher.Chain? known = null;
            foreach (var word in words)
            {
                var voucher = (Voucher.Chain)VoucherJson.Read(word);
                if (VoucherCheck.Check(voucher, terms, known).Refusal is { } refusal)
                    throw new BenchmarkException(refusal.Detail);
                known = voucher;
            }
        });
        tell("vouchers with a P-256 signature each: made, then checked");
        var vouchers = new List<Voucher>();
        Measure("p256_vouchers_made", Signatures, () =>
        {
            vouchers.Clear();
            for (var amount = 1; amount <= Signatures; amount++)
                vouchers.Add(new VoucherPayload(terms.Channel, terms.Node, new Money(amount)).Sign(payer));
        });
        Measure("p256_vouchers", Signatures, () =>
        {
            foreach (var voucher in vouchers)
            {
                if (VoucherCheck.Check(voucher, terms).Refusal is { } refusal)
                    throw new BenchmarkException(refusal.Detail);
            }
        });
        figures.Notes.Add($"one thread; the best of {Rounds} rounds, after one to warm up");
        figures.Notes.Add("cpu is by the time of the processor alone, which others on the machine do not lengthen");
        return figures;

        void Measure(string name, int count, Action round)
        {
            round();
            var (best, bestCpu) = (double.MaxValue, double.MaxValue);
            for (var turn = 0; turn < Rounds; turn++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var (begin, cpu) = (Stopwatch.GetTimestamp(), ThreadClock.Now);
                round();
                best = Math.Min(best, Stopwatch.GetElapsedTime(begin).TotalSeconds);
                bestCpu = Math.Min(bestCpu, (ThreadClock.Now - cpu).TotalSeconds);
            }

            figures.Add($"{name}_per_s", count / best);
            figures.Add($"{name}_per_s_cpu", count / bestCpu);
        }
    }
}
