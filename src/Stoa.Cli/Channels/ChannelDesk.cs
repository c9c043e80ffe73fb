using System.Security.Cryptography;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Primitives;

namespace Stoa.Cli.Channels;

/// <summary>A voucher that was checked here.</summary>
/// <param name="Cumulative">What it says in all.</param>
/// <param name="New">What of it is above the best so far; zero when it is none better.</param>
internal sealed record CheckedVoucher(Money Cumulative, Money New);

/// <summary>What the two sides of a channel do on their own machines, without a node: make vouchers, check them, sign how it ends.</summary>
/// <remarks>What must survive is kept before anything leaves: <see cref="KeptChannelFile"/>.</remarks>
internal static class ChannelDesk
{
    /// <summary>The key of this machine for channels; made at its first use.</summary>
    /// <param name="surroundings">Of the command.</param>
    /// <param name="file">A PEM file; null for <c>stoa/channels/key.pem</c> in the user's configuration folder.</param>
    /// <exception cref="CommandFailure">There is no such file, or it holds something else.</exception>
    public static PrivateKey OpenKey(Surroundings surroundings, string? file)
    {
        var path = file is null ? Path.Combine(KeptChannelFile.Folder(surroundings), "key.pem") : surroundings.FullPath(file);
        try
        {
            if (file is not null || File.Exists(path))
                return PrivateKey.FromPem(File.ReadAllText(path));
        }
        catch (Exception other) when (other is FormatException or FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandFailure(
                other is FormatException ? $"{path} holds no key for channels: {other.Message}" : $"There is no file {path}.",
                hint: "Make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out channels.pem");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var key = PrivateKey.Generate();
        var next = path + ".new";
        using (var written = PrivateFile.Create(next))
        {
            written.Write(System.Text.Encoding.ASCII.GetBytes(key.ToPem()));
            written.Flush(flushToDisk: true);
        }

        // Another process may have made one meanwhile; then that is the key.
        try
        {
            File.Move(next, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            key.Dispose();
            return OpenKey(surroundings, path);
        }

        return key;
    }

    /// <summary>Keeps what the node states of a channel, beside what was kept of it before.</summary>
    /// <exception cref="CommandFailure">The statement is not to be believed, or is of another channel than before.</exception>
    public static KeptChannel Learn(KeptChannelFile file, ChannelResponse channel)
    {
        var envelope = channel.Statement ?? throw new CommandFailure($"The node gave no statement of {channel.Id}.", ExitCode.Refused);
        var statement = Read(envelope);
        if (statement.Terms.Channel.ToString() != channel.Id)
            throw new CommandFailure($"The node gave the statement of {statement.Terms.Channel}, not of {channel.Id}.", ExitCode.Refused);
        if (file.Kept is not { } kept)
        {
            file.Keep(new KeptChannel(channel.Role, envelope, statement.Settled, Proof(channel, statement)));
            return file.Kept!;
        }

        var before = Read(kept.Statement);
        if (before.Terms != statement.Terms)
            throw new CommandFailure($"The node states other terms of {channel.Id} than before. What is kept stays as it is.", ExitCode.Refused);
        file.Keep(kept with
        {
            Statement = envelope,
            Highest = Money.Max(kept.Highest, statement.Settled),
            Voucher = statement.Settled > kept.Highest ? Proof(channel, statement) : kept.Voucher,
        });
        return file.Kept!;
    }

    /// <summary>What is kept, checked again by itself: the node's signature on the statement, the payer's on the voucher.</summary>
    public static IReadOnlyList<(string Name, string? Value)> Describe(KeptChannel kept)
    {
        var statement = Read(kept.Statement);
        if (kept.Voucher is { } voucher && VoucherCheck.Check(ToVoucher(voucher), statement.Terms).Refusal is { } refusal)
            throw new CommandFailure(refusal.Detail, ExitCode.Refused);
        return
        [
            ("channel", statement.Terms.Channel.ToString()),
            ("role", kept.Role),
            ("statedAt", Terminal.Format.Time(statement.StatedAt)),
            ("statedBy", statement.NodeKey.PeerId.ToString()),
            ("state", statement.State.GetType().Name.ToLowerInvariant()),
            ("deposit", statement.Deposit.ToString()),
            ("settled", statement.Settled.ToString()),
            ("highest", kept.Highest.ToString()),
            ("payer", statement.Terms.PayerKey.PeerId.ToString()),
            ("payee", statement.Terms.PayeeKey.PeerId.ToString()),
            ("challengeWindowSeconds", statement.Terms.ChallengeWindow.TotalSeconds.ToString("0.###", System.Globalization.CultureInfo.InvariantCulture)),
            ("expiresAt", Terminal.Format.Time(statement.Terms.ExpiresAt)),
            ("hasAgreed", kept.HasAgreed ? "true" : "false"),
        ];
    }

    /// <summary>The deposit as far as this machine knows: it only grows.</summary>
    public static Money DepositOf(KeptChannel kept) => Read(kept.Statement).Deposit;

    /// <summary>Makes a signed voucher for so much more than the last, and keeps it.</summary>
    public static VoucherBody Pay(KeptChannelFile file, Money more, PrivateKey key)
    {
        var (kept, statement) = ForPaying(file, key);
        var voucher = new VoucherBody(new VoucherPayload(statement.Terms.Channel, statement.Terms.Node, Total(kept, statement, more)).Sign(key).Envelope);
        file.Keep(kept with { Highest = kept.Highest + more, Voucher = voucher });
        return voucher;
    }

    /// <summary>Gives away the word of a chain that is worth so many units more, and keeps that it did; begins a chain where there is none that fits.</summary>
    /// <param name="file">Of the channel.</param>
    /// <param name="units">One or more.</param>
    /// <param name="unitPrice">Of a new chain; null to go on with the one that there is.</param>
    /// <param name="length">Of a new chain.</param>
    /// <param name="key">The payer's.</param>
    public static VoucherBody PayUnits(KeptChannelFile file, int units, Money? unitPrice, int length, PrivateKey key)
    {
        var (kept, statement) = ForPaying(file, key);
        var chain = kept.Chain is { } there && ChainCommitment.Read(there.Commitment.Payload) is var commitment
            && (unitPrice is null || commitment.UnitPrice == unitPrice) && there.Index + units <= commitment.Length
            && commitment.CumulativeAt(there.Index) == kept.Highest
            ? there
            : Begin();
        var words = new HashChain(ChainWord.Parse(chain.Seed), ChainCommitment.Read(chain.Commitment.Payload).Length);
        var next = chain with { Index = chain.Index + units };
        var price = ChainCommitment.Read(chain.Commitment.Payload).UnitPrice;
        var total = Total(kept, statement, price * units);
        var voucher = new VoucherBody(chain.Commitment, next.Index, words[next.Index].ToString());
        file.Keep(kept with { Highest = total, Voucher = voucher, Chain = next });
        return voucher;

        KeptChain Begin()
        {
            if (unitPrice is not { } unit)
                throw new CommandFailure("There is no chain that goes on so far.", hint: "Begin one with: --unit-price USD");
            if (units > length)
                throw new CommandFailure($"A chain of {length} words has no {units} to give away.", hint: "Begin a longer one with: --length N");
            var seed = new ChainWord(RandomNumberGenerator.GetBytes(ChainWord.Size));
            var made = new HashChain(seed, length).Commit(statement.Terms, kept.Highest, unit);
            try
            {
                _ = made.CumulativeAt(length);
            }
            catch (OverflowException)
            {
                throw new CommandFailure("A chain so long at such a price would be worth more than there is money.");
            }

            return new KeptChain(seed.ToString(), made.Sign(key), 0);
        }
    }

    /// <summary>Checks a voucher by what is kept of its channel, and keeps it when it is better than the best so far.</summary>
    /// <exception cref="CommandFailure">It is worth nothing: the reason says why.</exception>
    public static CheckedVoucher Take(KeptChannelFile file, VoucherBody body)
    {
        var kept = file.Kept!;
        if (kept.HasAgreed)
            throw new CommandFailure("You have signed how this channel ends: a voucher is worth nothing any more.", ExitCode.Refused, "Close it with what you have signed, or have a new channel opened.");
        var statement = Read(kept.Statement);
        if (statement.State is not ChannelState.Open)
            throw new CommandFailure("The channel is closing or closed.", ExitCode.Refused, "Take no new voucher for it. Send the best that you have with: stoa channel settle");
        var known = kept.Voucher is { } best && ToVoucher(best) is Voucher.Chain word ? word : null;
        if (!VoucherCheck.Check(ToVoucher(body), statement.Terms, known).TryGet(out var claim, out var refusal))
            throw new CommandFailure(refusal.Detail, ExitCode.Refused, "Give nothing for it.");
        if (claim.Cumulative > statement.Deposit)
        {
            throw new CommandFailure(
                $"The voucher says {claim.Cumulative} USD in all, and {statement.Deposit} USD were deposited when you last looked.", ExitCode.Refused,
                $"Give nothing for it. After a top-up look again with: stoa channel show {statement.Terms.Channel}");
        }

        var more = claim.Cumulative > kept.Highest ? claim.Cumulative - kept.Highest : Money.Zero;
        if (more > Money.Zero)
            file.Keep(kept with { Highest = claim.Cumulative, Voucher = body });
        return new CheckedVoucher(claim.Cumulative, more);
    }

    /// <summary>Signs how the channel ends, first.</summary>
    /// <param name="file">Of the channel.</param>
    /// <param name="paid">What the payee gets in all; null for the highest voucher.</param>
    /// <param name="key">This side's.</param>
    public static DsseEnvelope Propose(KeptChannelFile file, Money? paid, PrivateKey key)
    {
        var (kept, statement) = ForSigning(file, key);
        var proposal = Agreement.Propose(statement.Terms, Fair(kept, paid ?? kept.Highest), key);
        file.Keep(kept with { HasAgreed = true });
        return proposal;
    }

    /// <summary>Signs what the other side has proposed.</summary>
    /// <exception cref="CommandFailure">It is no proposal of the other side, or not fair: the payee would get less, or the payer pay more, than the highest voucher.</exception>
    public static DsseEnvelope Accept(KeptChannelFile file, DsseEnvelope proposal, PrivateKey key)
    {
        var (kept, statement) = ForSigning(file, key);
        if (!Agreement.PaidOf(proposal, statement.Terms).TryGet(out var paid, out var refusal))
            throw new CommandFailure(refusal.Detail, ExitCode.Refused);
        var other = kept.Role == "payer" ? statement.Terms.PayeeKey : statement.Terms.PayerKey;
        if (!proposal.Verify(other))
            throw new CommandFailure("The other side has not signed this proposal.", ExitCode.Refused);
        Fair(kept, paid);
        var agreed = Agreement.Accept(proposal, key);
        file.Keep(kept with { HasAgreed = true });
        return agreed;
    }

    /// <summary>Reads a voucher.</summary>
    /// <exception cref="CommandFailure">It is anything else.</exception>
    public static VoucherBody ReadVoucher(ReadOnlySpan<byte> utf8Json)
    {
        try
        {
            return JsonSerializer.Deserialize(utf8Json, StoaJson.Default.VoucherBody) is { Envelope: not null } voucher
                ? voucher
                : throw new CommandFailure("It is not a voucher: it has no envelope.", ExitCode.Refused);
        }
        catch (JsonException broken)
        {
            throw new CommandFailure($"It is not a voucher: {broken.Message}", ExitCode.Refused);
        }
    }

    /// <summary>What the settled amount stands on, as far as that is true: later words are checked against what is kept, so nothing is kept on a node's word.</summary>
    private static VoucherBody? Proof(ChannelResponse channel, ChannelStatement statement) =>
        channel.Voucher is { } body && VoucherCheck.Check(ToVoucher(body), statement.Terms).TryGet(out var claim, out _) && claim.Cumulative == statement.Settled ? body : null;

    private static ChannelStatement Read(DsseEnvelope envelope) => ChannelStatement.Open(envelope).Match(
        statement => statement, fault => throw new CommandFailure(fault.Detail, ExitCode.Refused));

    private static Voucher ToVoucher(VoucherBody body)
    {
        try
        {
            return VoucherJson.Make(body.Envelope, body.Index, body.Word);
        }
        catch (FormatException broken)
        {
            throw new CommandFailure(broken.Message, ExitCode.Refused, "Give nothing for it.");
        }
    }

    private static (KeptChannel Kept, ChannelStatement Statement) ForSigning(KeptChannelFile file, PrivateKey key)
    {
        var statement = Read(file.Kept!.Statement);
        var own = file.Kept.Role == "payer" ? statement.Terms.PayerKey : statement.Terms.PayeeKey;
        return own.Equals(key.PublicKey)
            ? (file.Kept, statement)
            : throw new CommandFailure($"The channel knows you by the key {own.PeerId}, and this one is {key.PublicKey.PeerId}.", ExitCode.Refused, "Name the file of the right key with: --key-file FILE");
    }

    private static (KeptChannel Kept, ChannelStatement Statement) ForPaying(KeptChannelFile file, PrivateKey key)
    {
        var (kept, statement) = ForSigning(file, key);
        if (kept.Role != "payer")
            throw new CommandFailure("You are the payee of this channel: the payer makes its vouchers.", ExitCode.Refused);
        if (kept.HasAgreed)
            throw new CommandFailure("You have signed how this channel ends, so you make no more vouchers for it.", ExitCode.Refused, "Open a new channel with: stoa channel open");
        return statement.State is ChannelState.Open
            ? (kept, statement)
            : throw new CommandFailure("The channel is closing or closed, so no more is paid by it.", ExitCode.Refused, "Open a new channel with: stoa channel open");
    }

    private static Money Total(KeptChannel kept, ChannelStatement statement, Money more)
    {
        if (more <= Money.Zero)
            throw new CommandFailure("An amount above zero is paid.");
        var left = statement.Deposit - kept.Highest;
        return more <= left
            ? kept.Highest + more
            : throw new CommandFailure($"{left} USD of the deposit are left, and {more} USD are to be paid.", ExitCode.Refused, $"Add to it with: stoa channel top-up {statement.Terms.Channel} USD");
    }

    private static Money Fair(KeptChannel kept, Money paid)
    {
        if (kept.Role == "payer" ? paid > kept.Highest : paid < kept.Highest)
        {
            throw new CommandFailure(
                $"{paid} USD in all would be {(kept.Role == "payer" ? "more" : "less")} than the {kept.Highest} USD of the highest voucher.", ExitCode.Refused,
                "It was not signed. Pay, or have it paid, by a voucher first.");
        }

        return paid;
    }
}
