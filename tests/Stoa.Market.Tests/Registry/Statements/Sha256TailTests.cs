using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Stoa.Market.Registry.Statements;

namespace Stoa.Market.Tests.Registry.Statements;

/// <summary>Hashes of messages that differ in their ends.</summary>
public sealed class Sha256TailTests
{
    [Fact]
    public void LeadingZeros_AreTheLibrarys_AtAnyLength_AndAfterAnyChange()
    {
        var random = new Random(7);
        for (var length = 1; length < 300; length++)
        {
            var message = new byte[length];
            random.NextBytes(message);
            var changing = random.Next(1, Math.Min(length, 20) + 1);
            var tail = new Sha256Tail(message, changing);
            for (var turn = 0; turn < 5; turn++)
            {
                tail.LeadingZeros().ShouldBe(BitOperations.LeadingZeroCount(BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(message))), $"{length} bytes, of which {changing} change");
                random.NextBytes(message.AsSpan(length - changing));
                message.AsSpan(length - changing).CopyTo(tail.Last(changing));
            }
        }
    }

    [Fact]
    public void Search_FindsWhatHasTheBits_AndCanBeGivenUp()
    {
        var payload = "{\"body\":\"something to say\",\"work\":0}"u8.ToArray();
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();

        var found = StatementWork.Search(payload, 12, TestContext.Current.CancellationToken);

        BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(found)).ShouldBeLessThan(1u << 20);
        Should.Throw<OperationCanceledException>(() => StatementWork.Search(payload, 32, stopped.Token));
    }
}
