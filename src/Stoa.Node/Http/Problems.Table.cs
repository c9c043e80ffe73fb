using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Reviews;
using Stoa.Market.Schedules;
using Stoa.Market.Signing;
using Stoa.Market.Tasks;
using Stoa.Market.Templates;
using Stoa.Market.Webhooks;
using Stoa.Market.Workflows;
using Stoa.Node.Network;
using Stoa.Primitives;

// Values without a name cannot occur; a name without a row is CS8509, which stays an error.
#pragma warning disable CS8524

namespace Stoa.Node.Http;

public static partial class Problems
{
    private static readonly ProblemKind s_insufficientFunds = new(
        "insufficientFunds", 402, "Not enough money",
        "The available balance of the wallet, which is what is posted less what is held, does not cover the amount.",
        "Top up the wallet, wait until running tasks release their holds, or lower the limits of the task.");

    private static readonly ProblemKind s_budgetExhausted = new(
        "budgetExhausted", 402, "Budget used up",
        "What the task or the download would hold does not fit into what one of your budgets has left in its day or month.",
        "Wait until it renews or running tasks have ended, ask for lower limits or for less, or raise the budget with PUT /api/v1/budgets; GET /api/v1/budgets lists what is left.");

    private static readonly ProblemKind s_storageUnpaid = new(
        "storageUnpaid", 402, "Storage not paid",
        "Storage beyond what is free is paid by the hour, in advance. What you have in the content store, or would have with these bytes, cannot be paid out of your wallet, or does not fit into a budget of yours. What was not paid for too long is not sent, and not taken as input.",
        "Pay in, raise the budget, or bring less. Nothing is deleted; as soon as the present hour can be paid, content is taken in, sent and taken as input again.");

    private static readonly ProblemKind s_spendingLimitReached = new(
        "spendingLimitReached", 402, "Spending limit of the key reached",
        "The API key may spend so much in a day of UTC, and with what this would hold it would be more. What is held counts until it is settled.",
        "Wait for tasks to end, or for the next day, ask for less, or use a key with a higher limit. GET /api/v1/api-keys tells what was spent.");

    private static readonly ProblemKind s_handleTaken = new(
        "handleTaken", 409, "Handle taken",
        "Somebody else has this handle; handles are unique on a node, those of people and organisations together.",
        "Choose another handle, or sign in if it is yours.");

    private static readonly ProblemKind s_agentNotYours = new(
        "agentNotYours", 403, "Not your agent",
        "There is no such agent, or somebody else has published it.",
        "Name an agent that you have published.");

    private static readonly ProblemKind s_nameOfOtherKind = new(
        "nameOfOtherKind", 409, "Name of something else",
        "You have listed something of another kind under this name, and a name is that of one kind: of an agent, a model, a template, a bundle or a dataset.",
        "Choose another name.");

    private static readonly ProblemKind s_reasonInvalid = new(
        "reasonInvalid", 422, "Reason breaks the rules",
        "The reason of a withdrawal is one line of at most 500 characters.",
        "Correct what is listed in errors and try again, or leave it out.");

    private static readonly ProblemKind s_idempotencyKeyReused = new(
        "idempotencyKeyReused", 422, "Idempotency key used for something else",
        "The Idempotency-Key came before with another request. One key stands for one request, so that a repetition is recognised.",
        "Send a new key for a new request; repeat a request with its own key and exactly the same content.");

    public static ProblemKind Of(RequestRefusal refusal) => refusal switch
    {
        RequestRefusal.RequestInvalid => Row(refusal, 400, "Request breaks its contract",
            "The body, a parameter or a header is not what this resource takes: wrong type, unknown or missing member, out of range.",
            "Correct what is listed in errors, each with a JSON Pointer into the body. The contract is in /openapi/v1.json."),
        RequestRefusal.NotFound => Row(refusal, 404, "Nothing here",
            "No resource has this address. Resources of other users are answered in the same way.",
            "Check the address, and whether you use the key of the right user. All addresses are in /reference."),
        RequestRefusal.MethodNotAllowed => Row(refusal, 405, "Method not known here",
            "The resource exists but does not know this method.",
            "Use one of the methods in the Allow header."),
        RequestRefusal.NotAcceptable => Row(refusal, 406, "No such representation",
            "The resource cannot be given in any of the media types of the Accept header.",
            "Accept application/json, or what /reference says of this resource."),
        RequestRefusal.RequestTimeout => Row(refusal, 408, "Request came too slowly",
            "The request did not arrive within the time that the node waits for one.",
            "Send it again over a faster connection; upload large content by digest, which resumes."),
        RequestRefusal.PayloadTooLarge => Row(refusal, 413, "Body too large",
            "The body is larger than this resource takes.",
            "Send less. Content above 1 MiB is uploaded as a blob and named by its digest."),
        RequestRefusal.UnsupportedMediaType => Row(refusal, 415, "Kind of body not taken",
            "The Content-Type of the body is not one that this resource takes.",
            "Send the Content-Type that /reference names for this resource, usually application/json."),
        RequestRefusal.HeadersTooLarge => Row(refusal, 431, "Header fields too large",
            "The header fields of the request are together larger than the node takes, or too many.",
            "Send fewer or shorter header fields."),
        RequestRefusal.RangeNotSatisfiable => Row(refusal, 416, "Range outside of the content",
            "The Range header asks for bytes that the content does not have.",
            "Ask for a range within the size in the Content-Range header."),
        RequestRefusal.Unauthenticated => Row(refusal, 401, "Who is calling?",
            "The resource needs a caller, and the request has no credential, or one that is wrong, expired or revoked.",
            "Send Authorization: Bearer with an API key, or with the token of a session from POST /api/v1/sessions."),
        RequestRefusal.Forbidden => Row(refusal, 403, "Not allowed",
            "The caller is known, but this needs a permission that the caller's role, or API key, does not have. docs/permissions.md has the table.",
            "Read in detail which one it is. Use a key with that scope, ask for another role, or act for the organisation that it concerns."),
        RequestRefusal.RateLimited => Row(refusal, 429, "Too many requests",
            "More requests came within the window than the limit in the RateLimit-Policy header allows.",
            "Wait as long as Retry-After says, then go on more slowly."),
        RequestRefusal.IdempotencyKeyReused => s_idempotencyKeyReused,
        RequestRefusal.IdempotencyKeyBusy => Row(refusal, 409, "The same request is being worked on",
            "A request with the same Idempotency-Key has not been answered yet.",
            "Wait as long as Retry-After says and repeat the request: it gets the answer of the first one."),
        RequestRefusal.Unavailable => Row(refusal, 503, "Not available now",
            "The node is starting, stopping or cut off from its storage. If that was cut off in the middle of the request, it may have been done.",
            "Repeat the request as long after as Retry-After says, with its Idempotency-Key: what was done is not done again."),
        RequestRefusal.StorageFull => Row(refusal, 507, "No room left",
            "The disk of the node, or of its database, is full. Nothing was written; tasks that were accepted before wait and go on once there is room.",
            "Ask the operator to make room, then repeat the request; one with an Idempotency-Key is not done twice."),
        RequestRefusal.InternalError => Row(refusal, 500, "The node failed",
            "Something unexpected happened inside the node. Its log has the whole story under the traceId.",
            "Repeat the request; when it fails again, report it to the operator with the traceId."),
    };

    public static ProblemKind Of(IdentityRefusal refusal) => refusal switch
    {
        IdentityRefusal.RegistrationInvalid => Row(refusal, 422, "Registration breaks the rules",
            "Handle, email or password is not as it must be.",
            "Correct what is listed in errors and register again."),
        IdentityRefusal.HandleTaken => s_handleTaken,
        IdentityRefusal.EmailTaken => Row(refusal, 409, "Email taken",
            "There is an account with this email already.",
            "Sign in with it, or register with another email."),
        IdentityRefusal.CredentialsWrong => Row(refusal, 401, "Login or password wrong",
            "No account has this login with this password. Which of the two is wrong is not said, so that nobody can probe for accounts.",
            "Check both and sign in again, or register."),
        IdentityRefusal.ApiKeyInvalid => Row(refusal, 422, "API key breaks the rules",
            "The name, the expiry, a scope or a limit of the key is not as it must be, or is more than what it is made with.",
            "Correct what is listed in errors and try again."),
        IdentityRefusal.ApiKeyUnknown => Row(refusal, 404, "No such API key",
            "There is no such key in force, or it belongs to somebody else.",
            "List your keys with GET /api/v1/api-keys."),
        IdentityRefusal.ApiKeysTooMany => Row(refusal, 409, "Too many API keys",
            "The user has as many keys in force as are allowed.",
            "Revoke keys that are not used any more with DELETE /api/v1/api-keys/{id}."),
        IdentityRefusal.UserUnknown => Row(refusal, 404, "No such user",
            "No user of this node has this handle.",
            "Check the handle."),
    };

    public static ProblemKind Of(OrganisationRefusal refusal) => refusal switch
    {
        OrganisationRefusal.OrganisationUnknown => Row(refusal, 404, "No such organisation",
            "There is no organisation of this handle, or the caller does not belong to it.",
            "List your organisations with GET /api/v1/organisations."),
        OrganisationRefusal.OrganisationInvalid => Row(refusal, 422, "Organisation breaks the rules",
            "Handle, name or role is not as it must be.",
            "Correct what is listed in errors and try again."),
        OrganisationRefusal.HandleTaken => s_handleTaken,
        OrganisationRefusal.OrganisationsTooMany => Row(refusal, 409, "Too many organisations",
            "The person belongs to as many organisations as are allowed.",
            "Leave one with DELETE /api/v1/organisations/{organisation}/membership."),
        OrganisationRefusal.MemberUnknown => Row(refusal, 404, "No such member",
            "Nobody in the organisation has this handle.",
            "See who belongs to it with GET /api/v1/organisations/{organisation}/members."),
        OrganisationRefusal.LastAdmin => Row(refusal, 409, "Nobody would administer it",
            "The only administrator of an organisation cannot leave it or get another role.",
            "Make another member an administrator first, or delete the organisation."),
        OrganisationRefusal.InvitationInvalid => Row(refusal, 422, "Invitation breaks the rules",
            "Whom to invite is said by one of handle and email, and is not as it must be; or the role is not one of viewer, developer, admin.",
            "Correct what is listed in errors and try again."),
        OrganisationRefusal.InvitationUnknown => Row(refusal, 404, "No such invitation",
            "There is no such invitation for the caller, or it was answered, was withdrawn or has expired, or its code is wrong.",
            "Ask an administrator of the organisation for a new one."),
        OrganisationRefusal.AlreadyMember => Row(refusal, 409, "Belongs to it already",
            "The person is a member of the organisation.",
            "Set the role with PUT /api/v1/organisations/{organisation}/members/{handle}."),
        OrganisationRefusal.MembersTooMany => Row(refusal, 409, "Too many members",
            "The organisation has as many members and open invitations together as are allowed.",
            "Withdraw invitations, or remove members."),
        OrganisationRefusal.OrganisationInUse => Row(refusal, 409, "Organisation still in use",
            "An organisation is deleted when it has no money, no tasks that wait or run, no schedules, webhooks, mailboxes, topics or channels, no plan that would be renewed, and no published agents.",
            "End or empty what is listed in errors, then delete it."),
    };

    public static ProblemKind Of(SigningKeyRefusal refusal) => refusal switch
    {
        SigningKeyRefusal.SigningKeyInvalid => Row(refusal, 422, "Signing key breaks the rules",
            "The name, the public key or the proof that you have its private half is not as it must be.",
            "Correct what is listed in errors; stoa key generate does all of it."),
        SigningKeyRefusal.SigningKeyTaken => Row(refusal, 409, "Signing key registered before",
            "The public key is registered here already, or was before it was revoked. A key stands for one user, once.",
            "Make a new pair of keys and register that."),
        SigningKeyRefusal.CredentialTooNarrow => Row(refusal, 403, "Credential too narrow",
            "A signature may do all that its user may. The API key that asks for it has only some scopes, or may spend only so much.",
            "Sign in with the password, or use an API key without bounds."),
        SigningKeyRefusal.SigningKeysTooMany => Row(refusal, 409, "Too many signing keys",
            "The user has as many signing keys in force as are allowed.",
            "Revoke keys that are not used any more with DELETE /api/v1/signing-keys/{id}."),
        SigningKeyRefusal.SigningKeyUnknown => Row(refusal, 404, "No such signing key",
            "There is no such key in force, or it belongs to somebody else.",
            "List your keys with GET /api/v1/signing-keys."),
    };

    public static ProblemKind Of(ContentRefusal refusal) => refusal switch
    {
        ContentRefusal.TooLarge => Row(refusal, 413, "Content too large",
            "More bytes arrived than the node stores in one piece.",
            "Split the content, or ask the operator to raise the limit."),
        ContentRefusal.DigestMismatch => Row(refusal, 422, "Digest does not match",
            "The SHA-256 of the bytes that arrived is not the one that was announced. Nothing was stored.",
            "Compute the digest of exactly the bytes that you send, and send them again."),
        ContentRefusal.StorageQuotaExceeded => Row(refusal, 507, "Too much stored",
            "With these bytes you would have more in the content store than you may: GET /api/v1/quota tells how much. What is on its way counts, and what comes without a Content-Length counts as all that is left.",
            "Bring less, say with Content-Length how much it is, wait for other uploads to end, or ask an administrator of this node for more."),
        ContentRefusal.StorageUnpaid => s_storageUnpaid,
        ContentRefusal.ContentInUse => Row(refusal, 409, "Content in use",
            "A task of yours that waits or runs has it as its input, or an agent of yours makes its bids with it.",
            "Wait until the task has ended or cancel it, or give the agent another bidding policy; then delete it."),
        ContentRefusal.UploadsTooMany => Row(refusal, 429, "Too many uploads at a time",
            "As many uploads of yours are under way at the node as one user may have.",
            "Wait as long as Retry-After says, and upload again when one of them has ended.", TimeSpan.FromSeconds(5)),
    };

    public static ProblemKind Of(PublishRefusal refusal) => refusal switch
    {
        PublishRefusal.ManifestInvalid => Row(refusal, 422, "Manifest breaks the rules",
            "The agent's manifest is not JSON, or its members are not as they must be.",
            "Correct everything that is listed in errors and publish again."),
        PublishRefusal.ProgramInvalid => Row(refusal, 422, "Program is not valid WebAssembly",
            "The program cannot be decoded or does not pass validation.",
            "Build it again for wasm32-wasi and publish the file that the compiler wrote."),
        PublishRefusal.ProgramUnusable => Row(refusal, 422, "Program cannot be run as an agent",
            "The program is valid, but lacks an export that an agent needs or asks for an import that no node gives.",
            "Build it as a WASI preview 1 command: it exports _start and memory, and imports from wasi_snapshot_preview1 and, for what it asks of its node, from stoa."),
        PublishRefusal.ProgramTooLarge => Row(refusal, 413, "Program too large",
            "The program is larger than the node accepts.",
            "Build it with optimisation for size and without debug information."),
        PublishRefusal.RoyaltiesInvalid => Row(refusal, 422, "Royalties cannot be paid",
            "The royalties in the agent's manifest name somebody or an agent that this node does not know, or agents that build on each other too deeply.",
            "Correct what is listed in errors and publish again: handles are those of users here, agents are named with the version."),
        PublishRefusal.UsesInvalid => Row(refusal, 422, "What is used cannot be called",
            "The uses in the agent's manifest name an agent that this node does not know, one that could not be called for this price or within this memory, or agents that call each other too deeply.",
            "Correct what is listed in errors and publish again: agents are named with the version, maxPrice covers a call at its limits, and limits.memoryBytes the program and its greatest call or request to a model."),
        PublishRefusal.VersionExists => Row(refusal, 409, "Version published before",
            "This version was published before with other content. A published version never changes.",
            "Raise the version in agent.json and publish again."),
        PublishRefusal.VersionWithdrawn => Row(refusal, 409, "Version was withdrawn",
            "This version was published before with the same content, and withdrawn. Publishing it again does not offer it again.",
            "Reinstate it with DELETE /api/v1/agents/{publisher}/{name}/{version}/withdrawal, or raise the version in agent.json and publish again."),
        PublishRefusal.NameOfOtherKind => s_nameOfOtherKind,
        PublishRefusal.PublicationsTooMany => Row(refusal, 429, "Too many publications at a time",
            "A program is held in memory until it is checked. As many publications of yours are under way at the node as one user may have.",
            "Wait as long as Retry-After says, and publish one after another.", TimeSpan.FromSeconds(5)),
        PublishRefusal.PublishingBusy => Row(refusal, 503, "Busy with other publications",
            "A program is held in memory until it is checked. As many publications are under way at the node as it takes at a time.",
            "Publish again as long after as Retry-After says.", TimeSpan.FromSeconds(5)),
    };

    public static ProblemKind Of(GoodsRefusal refusal) => refusal switch
    {
        GoodsRefusal.GoodsInvalid => Row(refusal, 422, "Manifest breaks the rules",
            "The manifest of a model, a template, a bundle or a dataset is not JSON, or its members are not as they must be.",
            "Correct everything that is listed in errors and publish again."),
        GoodsRefusal.ListingNotYours => Row(refusal, 403, "Not your listing",
            "There is no such listing or version, or somebody else has published it.",
            "Name a listing that you have published: your handle, its name and its version. Agents are withdrawn by what is there for agents."),
        GoodsRefusal.NameOfOtherKind => s_nameOfOtherKind,
        GoodsRefusal.ListingExists => Row(refusal, 409, "Version listed before",
            "This version was listed before with another manifest. A version never changes.",
            "Raise the version in the manifest and publish again."),
        GoodsRefusal.ContentNotYours => Row(refusal, 422, "Content is not here",
            "What the manifest names by its digest is no content of yours at this node, or has another size.",
            "Upload it with POST /api/v1/blobs, write the digest and the size of the answer into the manifest, and publish again."),
        GoodsRefusal.ListingsTooMany => Row(refusal, 409, "Too many listings",
            "You have listed as much as other nodes would take of you. Versions stay, also those that are withdrawn.",
            "Publish fewer versions."),
        GoodsRefusal.ReasonInvalid => s_reasonInvalid,
        GoodsRefusal.ListingWithdrawn => Row(refusal, 410, "Version is withdrawn",
            "The publisher has withdrawn this version: nobody should begin to use it.",
            "Take another version. Its publisher offers it again with DELETE /api/v1/listings/{publisher}/{name}/{version}/withdrawal."),
        GoodsRefusal.ListingContradicted => Row(refusal, 410, "Publisher has contradicted itself",
            "The publisher has signed two listings of this version that say different things: nobody can tell which is meant.",
            "Take another version. GET /api/v1/contradictions/{publisher}/{name}/{version} gives both statements."),
        GoodsRefusal.ListingContentGone => Row(refusal, 404, "Content is not here",
            "The listing consists of nothing of its own, or its publisher does not keep the bytes at this node.",
            "Ask a node of the publisher's cell, or whoever offers the digest."),
    };

    public static ProblemKind Of(OwnListingRefusal refusal) => refusal switch
    {
        OwnListingRefusal.OwnListingUnknown => Row(refusal, 404, "No listing of yours",
            "You have listed nothing under this name, or not this version.",
            "Name a listing that you have published: your handle or key, and its name."),
        OwnListingRefusal.SuccessorUnknown => Row(refusal, 422, "No such other listing",
            "Nobody is known by the name of the other listing's publisher, or more than one, or it is the same listing.",
            "Name its publisher by its key, which is unmistakable."),
    };

    public static ProblemKind Of(ResolutionRefusal refusal) => refusal switch
    {
        ResolutionRefusal.VersionsConflict => Row(refusal, 409, "No versions fit together",
            "Of each agent one version is taken that does for all who call it, and there is none: what is offered does not fit what is asked for, or two agents call different versions of a third.",
            "Read detail: it names the two that are at odds. Ask for other ranges, or resolve the agents one by one."),
        ResolutionRefusal.ResolutionTooLarge => Row(refusal, 422, "Too much to be tried",
            "Thousands of versions were tried and none fit together, or hundreds of agents belong to it.",
            "Ask for narrower ranges, or for fewer agents at once."),
    };

    public static ProblemKind Of(WithdrawalRefusal refusal) => refusal switch
    {
        WithdrawalRefusal.AgentNotYours => s_agentNotYours,
        WithdrawalRefusal.ReasonInvalid => s_reasonInvalid,
        WithdrawalRefusal.ContentGone => Row(refusal, 410, "Content is gone",
            "What the version consists of is not stored here any more, so no task could run it.",
            "Publish the program as a new version."),
    };

    public static ProblemKind Of(TaskRefusal refusal) => refusal switch
    {
        TaskRefusal.TaskUnknown => Row(refusal, 404, "No such task",
            "There is no such task, or it belongs to somebody else.",
            "List your tasks with GET /api/v1/tasks."),
        TaskRefusal.AgentUnknown => Row(refusal, 404, "No such agent",
            "No agent of this name and version is published here.",
            "Look for agents with GET /api/v1/agents."),
        TaskRefusal.AgentWithdrawn => Row(refusal, 410, "Agent was withdrawn",
            "The publisher has withdrawn the agent, or this version of it: no new task gets it, and those that have it run to their ends.",
            "Take the version that detail names, or look for other agents with GET /api/v1/agents."),
        TaskRefusal.NotSupplied => Row(refusal, 422, "Not run at other operators' nodes",
            "The agent was published elsewhere in the network, so another operator's node would run it; those take no sealed inputs, no agents that call others, and nothing of a batch that asks for several executors.",
            "Submit the input in the clear, or take an agent that detail says would do."),
        TaskRefusal.SupplierUnavailable => Row(refusal, 503, "No supplier",
            "The agent was published elsewhere in the network, and none of the nodes that this one gives tasks to offers it and says a price now.",
            "Try again later, or ask the node's operator for a supplier that has the agent."),
        TaskRefusal.ExecutorsTooFew => Row(refusal, 503, "Too few executors",
            "The task asks to be run by several executors, and fewer than that have its program, say a price and could run it now.",
            "Ask for as few runs as detail says there are executors, or try again later."),
        TaskRefusal.NoCandidate => Row(refusal, 422, "No agent fits",
            "No agent has the required capabilities, takes the input and stays within the budget, the deadline and the other requirements.",
            "See in errors which requirement removed how many agents, and relax one of them."),
        TaskRefusal.RegionUnserved => Row(refusal, 422, "No node in the region",
            "The task asks for regions, no node that is alive stands in any of them, and no supplier there takes it.",
            "Ask for a region that GET /api/v1/nodes shows, or for none."),
        TaskRefusal.ParametersInvalid => Row(refusal, 422, "Parameters do not fit the agent",
            "A parameter is not declared by the agent or has the wrong form.",
            "Correct what is listed in errors; GET /api/v1/agents/{publisher}/{name} lists the parameters."),
        TaskRefusal.LimitsInvalid => Row(refusal, 422, "Limits do not fit the agent",
            "A limit is not positive, or above what the agent's manifest allows.",
            "Ask for no more than the agent's own limits, or leave the member out."),
        TaskRefusal.InputInvalid => Row(refusal, 422, "Input does not fit the agent",
            "The input does not fit the JSON Schema in the agent's manifest, or is not given in exactly one form.",
            "Correct what is listed in errors."),
        TaskRefusal.InputTooLarge => Row(refusal, 413, "Input too large",
            "An input within the request has at most 1 MiB, one that is checked against a JSON Schema 8 MiB, and one of a paid call as much as the node takes.",
            "Upload the input of a task with POST /api/v1/blobs and name its digest; announce that of a paid call with the header Stoa-Input. The detail says which limit it is."),
        TaskRefusal.InputUnknown => Row(refusal, 422, "Input not stored here",
            "No blob with this digest is stored here for you.",
            "Upload it with POST /api/v1/blobs, or with PUT /api/v1/blobs/{digest} when its digest is known, and name the digest that is answered."),
        TaskRefusal.StorageUnpaid => s_storageUnpaid,
        TaskRefusal.SealInvalid => Row(refusal, 422, "Not a sealed input",
            "The input is said to be sealed, but does not begin as docs/sealing.md says: magic and version, id of the key, encapsulated key.",
            "Seal it as docs/sealing.md says, or leave sealed out to submit it in the clear."),
        TaskRefusal.SealingKeyUnknown => Row(refusal, 422, "Sealed to another key",
            "The input is sealed to a key that this node does not have, or has no more.",
            "Seal the input anew with GET /api/v1/sealing-key, and submit that."),
        TaskRefusal.SealingOff => Row(refusal, 501, "Sealing is off",
            "This node has no key that inputs could be sealed to: its database is PostgreSQL, and holds the cell's own key.",
            "Ask the operator of the node: with Identity:CellKey it has one. Or submit the input in the clear."),
        TaskRefusal.CallsNotSealed => Row(refusal, 422, "Calls are not sealed",
            "The input is sealed, and the agent calls other agents or asks models. The receipt tells digests of what they are given and give, and whoever serves a model reads it, so what was sealed would not stay so.",
            "Submit the input in the clear, or take an agent that calls nobody and asks no model."),
        TaskRefusal.BudgetTooSmall => Row(refusal, 422, "Price above the budget",
            "The price at the task's limits is above maxPrice.",
            "Raise maxPrice, or lower the task's limits; POST /api/v1/tasks/quote tells the price beforehand."),
        TaskRefusal.PriceOutOfRange => Row(refusal, 422, "Price out of range",
            "The price at the task's limits is more than an amount of money can say, about 9.2 billion dollars.",
            "Lower the task's limits."),
        TaskRefusal.InsufficientFunds => s_insufficientFunds,
        TaskRefusal.BudgetExhausted => s_budgetExhausted,
        TaskRefusal.OpenTasksTooMany => Row(refusal, 429, "Too many tasks at a time",
            "As many tasks of yours wait or run as may: GET /api/v1/quota tells how many.",
            "Wait until some have ended, cancel some with DELETE /api/v1/tasks/{id}, or ask an administrator of this node for more.", TimeSpan.FromSeconds(5)),
        TaskRefusal.SpendingLimitReached => s_spendingLimitReached,
        TaskRefusal.IdempotencyKeyReused => s_idempotencyKeyReused,
        TaskRefusal.DueTooLate => Row(refusal, 422, "Due too far ahead",
            "A task can be put off by at most 366 days, for its money is held all the while, and not beyond its deadline.",
            "Give an earlier dueAt, or a longer deadline."),
        TaskRefusal.NotReplayable => Row(refusal, 409, "Task cannot be replayed",
            "The task waits, runs or has succeeded. One that failed or was cancelled can be replayed.",
            "Submit a new task to do the same once more."),
        TaskRefusal.AlreadyFinal => Row(refusal, 409, "Task has ended",
            "The task has ended, so there is nothing to cancel.",
            "GET /api/v1/tasks/{id} tells how it ended."),
        TaskRefusal.NoSelection => Row(refusal, 404, "Nothing was chosen",
            "The task was submitted to an agent by name, so there is no choice to explain.",
            "Submit a task with a requirement in place of agent."),
        TaskRefusal.AuctionsTooMany => Row(refusal, 409, "Too many open auctions",
            "As many tasks of the consumer are out to bids as may be at once.",
            "Wait until some are awarded, which takes no longer than their windows, or submit without auction."),
        TaskRefusal.ResultDeleted => Row(refusal, 410, "Result was deleted",
            "What the task produced was stored, and was deleted since: with DELETE /api/v1/blobs/{digest}, or, of a paid call, when PayPerCall:KeepOutputDays were over. The receipt states its digest still.",
            "Submit the task again with POST /api/v1/tasks/{id}/replay."),
        TaskRefusal.NoResult => Row(refusal, 409, "No result",
            "The task has not ended yet, has failed or was cancelled.",
            "Wait for its events, or see GET /api/v1/tasks/{id} for why it failed."),
        TaskRefusal.BatchUnknown => Row(refusal, 404, "No such batch",
            "There is no such batch, or it belongs to somebody else.",
            "List your batches with GET /api/v1/batches."),
        TaskRefusal.BatchSizeInvalid => Row(refusal, 422, "Wrong size of a batch",
            "A batch has 1 to 10,000 tasks.",
            "Submit it in parts."),
        TaskRefusal.BatchInvalid => Row(refusal, 422, "A task of the batch is refused",
            "Every task of a batch is checked before any is made, and at least one cannot be made.",
            "Correct what is listed in errors and send the whole batch again."),
        TaskRefusal.ToldOfBatch => Row(refusal, 409, "Watch the batch",
            "The task was submitted with a batch: events tell of the batch as a whole.",
            "Watch GET /api/v1/batches/{id}/events, or wait for the task with GET /api/v1/tasks/{id}?wait=30s."),
    };

    public static ProblemKind Of(AuctionRefusal refusal) => refusal switch
    {
        AuctionRefusal.AuctionUnknown => Row(refusal, 404, "No such auction",
            "There is no such auction, or the caller is neither its consumer nor the publisher of an agent that was invited.",
            "Check the id, and whether you use the key of the right user."),
        AuctionRefusal.AuctionClosed => Row(refusal, 409, "Auction is closed",
            "The bid arrived after the end of the window, by the node's clock.",
            "Wait for the next auction, and answer it within its window."),
        AuctionRefusal.NoAuction => Row(refusal, 404, "Not put out to bids",
            "The task was given to an agent without an auction.",
            "Submit a task with a requirement and auction."),
        AuctionRefusal.BidInvalid => Row(refusal, 422, "Not a bid",
            "The envelope does not hold a bid, or its factor, price or nonce is not as it must be.",
            "Sign a payload of the form in docs/auctions.md: the factor is from 0 to 1, the price is not negative."),
        AuctionRefusal.BidForAnotherAuction => Row(refusal, 422, "Bid for another auction",
            "The signed bid names another auction: a bid is used once.",
            "Sign a new bid for each auction."),
        AuctionRefusal.NotABidder => Row(refusal, 403, "Not a bidder",
            "The agent was not invited, belongs to somebody else, or the node bids for it by its policy.",
            "See who is invited with GET /api/v1/auctions/{id}; to bid yourself, set the bidding of your agent to external."),
        AuctionRefusal.BidSignatureInvalid => Row(refusal, 422, "Bid not signed with the right key",
            "No signature of the envelope was made with the key that was registered for the agent when the auction was opened.",
            "Sign with the private half of the key in the agent's bidding."),
        AuctionRefusal.BidMade => Row(refusal, 409, "Bid made before",
            "The agent has made another bid in this auction; bids are sealed and not changed.",
            "Wait for the next auction."),
        AuctionRefusal.AgentNotYours => s_agentNotYours,
        AuctionRefusal.PolicyInvalid => Row(refusal, 422, "Bidding breaks the rules",
            "The policy is not known, or its members are not as they must be.",
            "Correct what is listed in errors and try again."),
    };

    public static ProblemKind Of(NetworkRefusal refusal) => refusal switch
    {
        NetworkRefusal.NetworkOff => Row(refusal, 409, "No part in the network",
            "The node takes no part in the network: it has been told neither to listen nor whom to join.",
            "Start the node with --network:listen:0 or with stoa up --join."),
        NetworkRefusal.AddressInvalid => Row(refusal, 422, "Not an address",
            "What is given is neither a multiaddr nor a peer id.",
            "Give a multiaddr, such as /ip4/192.0.2.1/tcp/8421/p2p/Qm…, as stoa network show tells it of a node."),
        NetworkRefusal.PeerUnreachable => Row(refusal, 502, "Peer not reached",
            "No connection to the peer came about, or it did not answer in time.",
            "Look at the detail; check the address, and that the peer is up."),
        NetworkRefusal.PeerUnknown => Row(refusal, 404, "Peer not found",
            "Nobody who was asked knows where the peer is.",
            "Check the peer id, or give an address of the peer."),
    };

    public static ProblemKind Of(ReviewRefusal refusal) => refusal switch
    {
        ReviewRefusal.ReviewUnknown => Row(refusal, 404, "No such review",
            "There is no such review, or its author has withdrawn it.",
            "List the reviews of an agent with GET /api/v1/agents/{publisher}/{name}/reviews, and your own with GET /api/v1/reviews."),
        ReviewRefusal.ReviewInvalid => Row(refusal, 422, "Review breaks the rules",
            "The stars are not from 1 to 5, or the text is empty, too long or has control characters.",
            "Correct what is listed in errors and try again."),
        ReviewRefusal.NothingToReview => Row(refusal, 409, "No receipt to review by",
            "A review stands on the receipt of a task that succeeded. This one has none.",
            "Wait until the task has succeeded, or review by another task of the same agent. What failed counts against the agent by itself."),
        ReviewRefusal.OwnAgent => Row(refusal, 403, "Your own agent",
            "Publishers do not review their own agents: what they say of them tells others nothing.",
            "Let those who use the agent review it. Reviews of theirs can be answered with PUT /api/v1/reviews/{id}/answer."),
        ReviewRefusal.ReviewTooSoon => Row(refusal, 429, "Changed a moment ago",
            "Each change of a review is told to the publisher, so there are at least ten seconds between two of them.",
            "Wait ten seconds and change it again.", ReviewRules.Pause),
        ReviewRefusal.NotThePublisher => Row(refusal, 403, "Somebody else's agent",
            "A review is answered by who published the agent.",
            "Use the key of the publisher. To say something of the agent, review it by a task of yours."),
        ReviewRefusal.ReviewAnswered => Row(refusal, 409, "Answered before",
            "A publisher answers a review once; once more when its author has changed it since.",
            "Leave it at that answer."),
    };

    public static ProblemKind Of(WebhookRefusal refusal) => refusal switch
    {
        WebhookRefusal.WebhookUnknown => Row(refusal, 404, "No such webhook",
            "There is no such webhook, or it belongs to somebody else.",
            "List your webhooks with GET /api/v1/webhooks."),
        WebhookRefusal.WebhookInvalid => Row(refusal, 422, "Webhook breaks the rules",
            "The address is not one of the public internet that begins with https://, or name or event types are not as they must be.",
            "Correct what is listed in errors and try again."),
        WebhookRefusal.WebhooksTooMany => Row(refusal, 409, "Too many webhooks",
            "You have as many webhooks as one user may have.",
            "Delete one that is not used any more: one webhook can be told of many event types."),
        WebhookRefusal.WebhookDisabled => Row(refusal, 409, "Webhook is disabled",
            "Nothing is sent to the webhook since it was disabled, by its owner or because its receiver failed for long.",
            "Mend the receiver, then enable the webhook with PATCH /api/v1/webhooks/{id}."),
        WebhookRefusal.DeliveryUnknown => Row(refusal, 404, "No such delivery",
            "The webhook has no such delivery, or it ended so long ago that it was forgotten.",
            "List its deliveries with GET /api/v1/webhooks/{id}/deliveries."),
    };

    public static ProblemKind Of(ScheduleRefusal refusal) => refusal switch
    {
        ScheduleRefusal.ScheduleUnknown => Row(refusal, 404, "No such schedule",
            "There is no such schedule, or it belongs to somebody else.",
            "List your schedules with GET /api/v1/schedules."),
        ScheduleRefusal.ScheduleInvalid => Row(refusal, 422, "Schedule breaks the rules",
            "The cron expression cannot be read or would never fire, there is no such time zone, or another member is not as it must be.",
            "Correct what is listed in errors and try again."),
        ScheduleRefusal.SchedulesTooMany => Row(refusal, 409, "Too many schedules",
            "You have as many schedules as one user may have.",
            "Delete those that are not used any more."),
    };

    public static ProblemKind Of(TemplateRefusal refusal) => refusal switch
    {
        TemplateRefusal.TemplateUnknown => Row(refusal, 404, "No such template",
            "There is no such template, or it belongs to somebody else.",
            "List your templates with GET /api/v1/templates."),
        TemplateRefusal.TemplateInvalid => Row(refusal, 422, "Template breaks the rules",
            "The name, a parameter or a default is not as it must be, or a blank is none of the parameters.",
            "Correct what is listed in errors and try again."),
        TemplateRefusal.TemplateNameTaken => Row(refusal, 409, "Template name taken",
            "You have another template of this name. A template never changes.",
            "Delete that one first, or choose another name."),
        TemplateRefusal.TemplatesTooMany => Row(refusal, 409, "Too many templates",
            "You have as many templates as one user may have.",
            "Delete those that are not used any more."),
        TemplateRefusal.TemplateInUse => Row(refusal, 409, "Schedules use the template",
            "Schedules fill the template in, and would be refused at every tick without it.",
            "Delete or change these schedules first, or delete the template all the same with ?force=true."),
        TemplateRefusal.TemplateValuesInvalid => Row(refusal, 422, "Values do not fit the template",
            "A value is missing, of another type than its parameter, or for a parameter that there is not.",
            "Correct what is listed in errors; GET /api/v1/templates/{id} lists the parameters."),
    };

    public static ProblemKind Of(WorkflowRefusal refusal) => refusal switch
    {
        WorkflowRefusal.WorkflowInvalid => Row(refusal, 422, "Workflow does not hold together",
            "The document breaks the rules, or its nodes, the agents that it names and their schemas do not go together.",
            "Correct what is listed in errors and try again."),
        WorkflowRefusal.WorkflowInputInvalid => Row(refusal, 422, "Input does not fit the workflow",
            "What the run is given is not what the JSON Schema of the workflow's input asks for, or not what a run takes.",
            "Correct what is listed in errors and try again."),
        WorkflowRefusal.WorkflowUnknown => Row(refusal, 404, "No such workflow",
            "There is no such workflow or version, or it belongs to somebody else.",
            "List the workflows that you keep with GET /api/v1/workflows."),
        WorkflowRefusal.WorkflowsTooMany => Row(refusal, 409, "Too many workflows",
            "You keep as many versions of workflows as one account may.",
            "Delete workflows, or versions of them, that are not used any more."),
        WorkflowRefusal.ModelsNotAllowed => Row(refusal, 403, "Credential may not ask models",
            "The workflow asks models, and the credential does not have the permission models:use.",
            "Use a credential that has it."),
        WorkflowRefusal.RunUnknown => Row(refusal, 404, "No such run",
            "There is no such run of a workflow, or it belongs to somebody else.",
            "List your runs with GET /api/v1/workflow-runs."),
        WorkflowRefusal.RunsTooMany => Row(refusal, 409, "Too many runs",
            "You have as many runs that are not over as one account may.",
            "Wait until some have ended, or cancel some."),
        WorkflowRefusal.RunEnded => Row(refusal, 409, "Run is over",
            "The run has ended or is being stopped, and nothing comes to it any more.",
            "Look at how it has ended with GET /api/v1/workflow-runs/{id}, or begin another one."),
        WorkflowRefusal.RunSucceeded => Row(refusal, 409, "Run has succeeded",
            "Runs that have failed or were cancelled go on from where they ended; this one has succeeded.",
            "Look at what it gave with GET /api/v1/workflow-runs/{id}, or begin another one."),
        WorkflowRefusal.SignalsTooMany => Row(refusal, 409, "Too many events wait",
            "So many events wait in the run for a node to wait for them that no more are taken.",
            "Send the event again once the run has come further."),
        WorkflowRefusal.ApprovalUnknown => Row(refusal, 409, "Nothing is asked there",
            "The run asks nothing at that node now, or it was answered.",
            "Look at what the run waits for with GET /api/v1/workflow-runs/{id}."),
        WorkflowRefusal.ApproverOther => Row(refusal, 403, "Somebody else is asked",
            "The node names who may answer, and you are not among them.",
            "Have one of those answer who are asked."),
    };

    private static ProblemKind Row<TCode>(TCode refusal, int status, string title, string explanation, string remedy, TimeSpan? retryAfter = null)
        where TCode : struct, Enum => new(EnumWord.Of(refusal), status, title, explanation, remedy) { RetryAfter = retryAfter };
}
